// Package passwords is the engine of the collection "passwords": the logins that
// Firefox keeps, encrypted at rest.
//
// Passwords, user names and origins are encrypted in the file; record IDs and the times of
// edits and syncs are not. An index of keyed hashes finds logins by origin, site and form:
// without the key the file shows which logins share one, but not which origin it is. Of
// passwords that are known from breaches, the file holds keyed hashes.
package passwords

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/localkey"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Config says where the passwords are and what the engine runs on. Path and Key must be
// set.
type Config = engine.StoreConfig

// Engine is the user's logins on this device. It is safe for concurrent use.
type Engine struct {
	store *mirror.Store[Login]
	// mac stands for secrets in memory.
	mac localkey.Key
	now func() time.Time
	log *slog.Logger
}

//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -type Login -one "a login" -many "logins" -without Add,List,Import

// Open opens the logins in c.Path.
func Open(ctx context.Context, c Config) (*Engine, error) {
	if c.Key == ([32]byte{}) {
		return nil, errors.New("passwords: the configuration needs Key")
	}
	c = c.WithDefaults()
	e := &Engine{mac: localkey.Key(c.Key).Subkey("passwords in memory"), now: c.Now, log: c.Log}
	store, err := mirror.Open(ctx, e.schema(), c)
	if err != nil {
		return nil, err
	}
	e.store = store
	return e, nil
}

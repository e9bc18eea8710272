// Package passwords is the engine of the collection "passwords": the logins that
// Firefox keeps, encrypted at rest.
//
// The file holds no password, username or origin in the clear; record IDs and
// the times of edits and syncs are.
package passwords

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/localkey"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Config says where the passwords are and what the engine runs on. All but Log
// must be set.
type Config struct {
	// Path is the SQLite file; it is created 0600 when it is not there. Its folder
	// must exist.
	Path string
	// Key is this device's local key: the file can be read with it alone.
	Key [32]byte
	// Now is the clock.
	Now func() time.Time
	// Rand is a source of secure random bytes, safe for concurrent use.
	Rand io.Reader
	// Log hears of what was imported. It never hears a secret.
	Log *slog.Logger
}

// Engine is the user's logins on this device. It is safe for concurrent use.
type Engine struct {
	store *mirror.Store[Login]
	mac   localkey.Key
	now   func() time.Time
	rand  io.Reader
	log   *slog.Logger
}

var (
	_ engine.Engine  = (*Engine)(nil)
	_ engine.Watcher = (*Engine)(nil)
	_ engine.Counter = (*Engine)(nil)
)

// ErrKey means that the file was written with another local key.
var ErrKey = errors.New("the passwords were encrypted with another local key than this device has now")

// fields are all that Login writes.
var fields = []string{
	"id", "hostname", "formSubmitURL", "httpRealm", "username", "password",
	"usernameField", "passwordField", "timeCreated", "timePasswordChanged", "timeLastUsed", "timesUsed",
}

// Open opens the logins in c.Path.
func Open(ctx context.Context, c Config) (*Engine, error) {
	if c.Path == "" || c.Now == nil || c.Rand == nil || c.Key == ([32]byte{}) {
		return nil, errors.New("passwords: the configuration needs Path, Key, Now and Rand")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	key := localkey.Key(c.Key)
	mac := key.Subkey("passwords identity")
	core, err := mirror.Open(ctx, rules(mac, key.Subkey("passwords at rest").Sealer(c.Rand)), mirror.Options{Path: c.Path, Now: c.Now})
	if err != nil {
		return nil, fmt.Errorf("passwords: %w", err)
	}
	e := &Engine{store: mirror.NewStore[Login](core, fields...), mac: mac, now: c.Now, rand: c.Rand, log: c.Log}
	if err := e.checkKey(ctx); err != nil {
		return nil, errors.Join(err, core.Close())
	}
	return e, nil
}

// checkKey reads one login: a wrong key is told now, and not by half a sync.
func (e *Engine) checkKey(ctx context.Context) error {
	for _, err := range e.store.List(ctx) {
		if errors.Is(err, localkey.ErrOpen) {
			return ErrKey
		}
		return err
	}
	return nil
}

// Close closes the file.
func (e *Engine) Close() error { return e.store.Close() }

// Collection is "passwords".
func (e *Engine) Collection() string { return e.store.Collection() }

// Version is the storage version, 1.
func (e *Engine) Version() int { return e.store.Version() }

// Association tells which sync IDs the engine last synced with.
func (e *Engine) Association(ctx context.Context) (engine.Association, error) {
	return e.store.Association(ctx)
}

// Reset forgets the sync state and keeps the logins.
func (e *Engine) Reset(ctx context.Context, a engine.Association) error {
	return e.store.Reset(ctx, a)
}

// Wipe forgets the logins of this device.
func (e *Engine) Wipe(ctx context.Context) error { return e.store.Wipe(ctx) }

// Begin starts a sync.
func (e *Engine) Begin(ctx context.Context, s engine.Start) (engine.Session, error) {
	return e.store.Begin(ctx, s)
}

// Changes counts the logins whose changes the next sync will send.
func (e *Engine) Changes(ctx context.Context) (int, error) { return e.store.Changes(ctx) }

// Count is the number of logins.
func (e *Engine) Count(ctx context.Context) (int, error) { return e.store.Count(ctx) }

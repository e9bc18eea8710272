// Package addons is the engine of the collection "addons": which add-ons the
// account's browsers have, and whether they are enabled.
//
// This engine keeps the list and installs nothing. A browser acts on it: Firefox
// disables and enables an add-on as its record says, removes one whose record is
// deleted, and fetches a new one from addons.mozilla.org.
package addons

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Addon is an add-on of an application.
type Addon struct {
	ID engine.ID `json:"id"`
	// AddonID is the add-on's own ID: "uBlock0@raymondhill.net".
	AddonID string `json:"addonID"`
	// ApplicationID is the ID of the application: Firefox's is
	// "{ec8030f7-c20a-464f-9b0e-13a3a9e97384}".
	ApplicationID string `json:"applicationID"`
	Enabled       bool   `json:"enabled"`
	// Source is where it came from. Firefox handles [FromMozilla] only, and ignores others.
	Source string `json:"source"`
}

// FromMozilla is the source of an add-on from addons.mozilla.org.
const FromMozilla = "amo"

// Config says where the list is and what the engine runs on. It is not
// encrypted if it has no key.
type Config = engine.StoreConfig

// Engine is the list of add-ons on this device. It is safe for concurrent use.
type Engine struct {
	store *mirror.Store[Addon]
}

//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -type Addon -one "an add-on" -many "add-ons"

// Open opens the list in c.Path.
func Open(ctx context.Context, c Config) (*Engine, error) {
	store, err := mirror.Open(ctx, mirror.Schema[Addon]{
		Collection: "addons",
		Version:    1,
		Check:      check,
		Required:   []string{"applicationID", "enabled", "source"},
		Fields:     []string{"id", "addonID", "applicationID", "enabled", "source"},
		ID:         func(a *Addon) *engine.ID { return &a.ID },
	}, c)
	if err != nil {
		return nil, err
	}
	return &Engine{store}, nil
}

func check(a *Addon) (k mirror.Keys, err error) {
	if a.AddonID == "" {
		return k, &engine.FieldError{Field: "addonID", Reason: errors.New("it has no addonID")}
	}
	return mirror.Keys{Dedupe: []byte(a.ApplicationID + "\x00" + a.AddonID)}, nil
}

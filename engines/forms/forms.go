// Package forms is the engine of the collection "forms": what was typed into the
// fields of pages, and into the search bar, for browsers to offer again. It is
// encrypted at rest.
//
// When and how often an entry was used stays on each device, because records do not contain
// it. Firefox 153 stores an entry of another device under a new ID: it offers the entry, and
// does not notice its deletion elsewhere.
package forms

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf16"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

const (
	// SearchBar is the field name of what was typed into Firefox's search bar.
	SearchBar = "searchbar-history"
	// MaxLength is the maximum length of a name or a value in Firefox, in UTF-16 code units:
	// it ignores longer ones.
	MaxLength = 200
	// ttl is how many seconds the server keeps an entry: three years, as Firefox sets
	// it.
	ttl = 3 * 365 * 24 * 60 * 60
)

// Entry is one value of a field.
type Entry struct {
	ID engine.ID `json:"id"`
	// Name is the field's in the page: "email".
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Config says where the entries are and what the engine runs on. They are not
// encrypted if it has no key.
type Config = engine.StoreConfig

// Engine is the form history on this device. It is safe for concurrent use.
type Engine struct {
	store *mirror.Store[Entry]
}

//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -type Entry -one "an entry" -many "entries" -without Update

// Open opens the entries in c.Path.
func Open(ctx context.Context, c Config) (*Engine, error) {
	store, err := mirror.Open(ctx, mirror.Schema[Entry]{
		Collection: "forms",
		Version:    1,
		TTL:        ttl,
		Check:      check,
		Fields:     []string{"id", "name", "value"},
		ID:         func(e *Entry) *engine.ID { return &e.ID },
		Complete:   func(e, _ *Entry) error { return short(e) },
	}, c)
	if err != nil {
		return nil, err
	}
	return &Engine{store}, nil
}

func check(e *Entry) (k mirror.Keys, err error) {
	switch {
	case e.Name == "":
		return k, &engine.FieldError{Field: "name", Reason: errors.New("it has no name")}
	case e.Value == "":
		return k, &engine.FieldError{Field: "value", Reason: errors.New("it has no value")}
	}
	// Firefox tells entries apart by just these two, too.
	return mirror.Keys{Dedupe: []byte(e.Name + "\x00" + e.Value)}, nil
}

func short(e *Entry) error {
	for _, text := range []string{e.Name, e.Value} {
		if n := len(utf16.Encode([]rune(text))); n > MaxLength {
			return fmt.Errorf("Firefox keeps no name and no value of more than %d characters, and this has %d", MaxLength, n)
		}
	}
	return nil
}

// Update replaces the entry that has r's ID by r, which gets a new ID, and returns it: Firefox
// does not change an entry that it has. It returns [engine.ErrNotFound] if there is none.
func (e *Engine) Update(ctx context.Context, r Entry) (Entry, error) {
	err := e.Edit(ctx, func(tx *Tx) error { return tx.Update(&r) })
	return r, err
}

// Update replaces the entry that has r's ID by r, and sets its new ID; see [Engine.Update].
func (tx *Tx) Update(r *Entry) error {
	was, err := tx.Get(r.ID)
	if err != nil || was == *r {
		return err
	}
	if err := tx.Delete(r.ID); err != nil {
		return err
	}
	r.ID = ""
	return tx.Add(r)
}

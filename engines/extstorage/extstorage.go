// Package extstorage is the engine of the collection "extension-storage": what
// add-ons keep in storage.sync. It is encrypted at rest.
//
// Each add-on has one record, with all its keys. Changes of different keys by two devices are
// both kept. If both changed the same key, the change that reached the server first wins. If
// another device removed all keys, local changes are kept.
package extstorage

import (
	"context"
	"encoding/json"
	"errors"
	"maps"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Record is what one add-on keeps.
type Record struct {
	ID engine.ID `json:"id"`
	// ExtID is the add-on's own ID.
	ExtID string `json:"extId"`
	Data  Data   `json:"data"`
}

// Config says where the storage is and what the engine runs on. It is not
// encrypted if it has no key.
type Config = engine.StoreConfig

// Engine is the add-ons' storage on this device. Its records are whole add-ons; Of
// has the keys of one, and Items those of all. It is safe for concurrent use.
type Engine struct {
	store  *mirror.Store[Record]
	synced synced
}

//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -type Record -one "an add-on's record" -many "add-ons' records" -without Add,Update,Delete,DeleteAll,Get,Edit

// Open opens the storage in c.Path.
func Open(ctx context.Context, c Config) (*Engine, error) {
	e := &Engine{}
	store, err := mirror.Open(ctx, mirror.Schema[Record]{
		Collection: "extension-storage",
		Version:    1,
		Check:      check,
		Nested:     []mirror.Nested{{Name: "data", Text: true, Nulls: true}},
		// As Firefox does it: what came from the server stands, whichever is newer.
		Resolve: func(c mirror.Conflict) ([]byte, bool) { return c.Remote, c.Within == "data" },
		Fields:  []string{"id", "extId", "data"},
		ID:      func(r *Record) *engine.ID { return &r.ID },
		Synced:  e.synced.note,
	}, c)
	if err != nil {
		return nil, err
	}
	e.store = store
	return e, nil
}

func check(r *Record) (k mirror.Keys, err error) {
	switch {
	case r.ExtID == "":
		return k, &engine.FieldError{Field: "extId", Reason: errors.New("it has no extId")}
	case r.Data == nil:
		return k, &engine.FieldError{Field: "data", Reason: errors.New("it has no data")}
	}
	return mirror.Keys{Dedupe: key(r)}, nil
}

func key(r *Record) []byte { return []byte(r.ExtID) }

// Area is the storage of one add-on, with the calls of the add-ons' own API.
type Area struct {
	store *mirror.Store[Record]
	ext   string
}

// Of is the storage of the add-on that has the ID.
func (e *Engine) Of(ext string) *Area { return &Area{e.store, ext} }

// Set sets keys to JSON values, and returns what that changed, sorted by key. It keeps to the
// quotas that Firefox has, and returns a [QuotaError] otherwise; what came from other devices may
// be over them. A value that is not JSON is an [engine.InvalidError].
func (a *Area) Set(ctx context.Context, values map[string]json.RawMessage) ([]KeyChange, error) {
	return a.edit(ctx, func(d Data) error { return d.set(values) })
}

// Remove removes keys, and returns those that there were, sorted. Others are passed over.
func (a *Area) Remove(ctx context.Context, keys ...string) ([]KeyChange, error) {
	return a.edit(ctx, func(d Data) error {
		for _, key := range keys {
			delete(d, key)
		}
		return nil
	})
}

// Clear removes all keys, and the add-on's record. It returns the keys, sorted.
func (a *Area) Clear(ctx context.Context) (changed []KeyChange, err error) {
	err = a.store.Edit(ctx, func(tx *mirror.Tx[Record]) error {
		id, err := tx.Find([]byte(a.ext))
		if err != nil || id == "" {
			return err
		}
		r, err := tx.Get(id)
		if err != nil {
			return err
		}
		changed = changes(r.Data, nil)
		return tx.Delete(id)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// Change changes one key in one transaction: f gets its value, nil if the add-on does not have
// the key, and returns the new one, or nil to remove the key. Nothing is changed if f returns
// an error, which Change returns; it keeps to the quotas as [Area.Set] does.
func (a *Area) Change(ctx context.Context, key string, f func(was json.RawMessage) (json.RawMessage, error)) error {
	_, err := a.edit(ctx, func(d Data) error {
		value, err := f(d[key])
		if err != nil {
			return err
		}
		if value == nil {
			delete(d, key)
			return nil
		}
		item := Item{ExtID: a.ext, Key: key, Value: value}
		if _, ok := d[key]; ok {
			return item.set(d)
		}
		return item.add(d)
	})
	return err
}

// edit changes what the add-on keeps in one transaction.
func (a *Area) edit(ctx context.Context, f func(Data) error) (changed []KeyChange, err error) {
	err = a.store.Edit(ctx, func(tx *mirror.Tx[Record]) error {
		return edit(tx, a.ext, func(d Data) error {
			before := maps.Clone(d)
			err := f(d)
			changed = changes(before, d)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

func edit(tx *mirror.Tx[Record], ext string, f func(Data) error) error {
	id, err := tx.Find([]byte(ext))
	if err != nil {
		return err
	}
	r := Record{ExtID: ext, Data: Data{}}
	if id != "" {
		if r, err = tx.Get(id); err != nil {
			return err
		}
	}
	if err := f(r.Data); err != nil {
		return err
	}
	switch {
	case id != "":
		return tx.Update(&r)
	case len(r.Data) == 0:
		return nil // there was nothing to remove
	}
	return tx.Add(&r)
}

// Package prefs is the engine of the collection "prefs": the preferences of the
// account's browsers. Each application has one record, which holds them all.
//
// A preference that is null was reset: each browser uses its own default. Changes of
// different preferences by two devices are both kept. If both changed the same preference,
// the later change wins.
package prefs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Firefox is the application ID of Firefox on desktops.
const Firefox = "{ec8030f7-c20a-464f-9b0e-13a3a9e97384}"

// Record is the preferences of one application.
type Record struct {
	// ID is the application's ID in base64url.
	ID engine.ID `json:"id"`
	// Value maps names to JSON values: true, false, a number, a string or null.
	Value map[string]json.RawMessage `json:"value"`
}

// Application is the ID of the application, or "" if the record's ID names none.
func (r *Record) Application() string {
	id, err := base64.URLEncoding.DecodeString(string(r.ID))
	if err != nil {
		return ""
	}
	return string(id)
}

// Config says where the preferences are and what the engine runs on. They are not
// encrypted if it has no key.
type Config = engine.StoreConfig

// Engine is the preferences on this device. Its records are whole applications; Of
// has the preferences of one. It is safe for concurrent use.
type Engine struct {
	store *mirror.Store[Record]
}

//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -type Record -one "an application's record" -many "applications' records" -without Add,Update,Delete,DeleteAll,Get,Import,Count,Edit

// Open opens the preferences in c.Path.
func Open(ctx context.Context, c Config) (*Engine, error) {
	store, err := mirror.Open(ctx, mirror.Schema[Record]{
		Collection: "prefs",
		Version:    2,
		Check:      check,
		Nested:     []mirror.Nested{{Name: "value", Nulls: true}},
		Fields:     []string{"id", "value"},
		ID:         func(r *Record) *engine.ID { return &r.ID },
	}, c)
	if err != nil {
		return nil, err
	}
	return &Engine{store}, nil
}

// Count is the number of preferences, of all applications.
func (e *Engine) Count(ctx context.Context) (n int, err error) {
	for r, err := range e.List(ctx) {
		if err != nil {
			return 0, err
		}
		n += len(r.Value)
	}
	return n, nil
}

func check(r *Record) (k mirror.Keys, err error) {
	if r.Value == nil {
		return k, &engine.FieldError{Field: "value", Reason: errors.New("it has no value")}
	}
	return k, nil
}

// Application is the preferences of one application. Its items are single ones, and
// their IDs are their names.
type Application struct {
	store *mirror.Store[Record]
	id    engine.ID
}

// Of is the application that has the ID.
func (e *Engine) Of(application string) *Application {
	return &Application{e.store, engine.ID(base64.URLEncoding.EncodeToString([]byte(application)))}
}

// List yields the preferences, sorted by name.
func (a *Application) List(ctx context.Context) iter.Seq2[Pref, error] {
	return func(yield func(Pref, error) bool) {
		r, err := a.store.Get(ctx, a.id)
		if err != nil {
			if !errors.Is(err, engine.ErrNotFound) {
				yield(Pref{}, err)
			}
			return
		}
		for _, name := range slices.Sorted(maps.Keys(r.Value)) {
			if !yield(Pref{name, r.Value[name]}, nil) {
				return
			}
		}
	}
}

// Get returns the preference, or [engine.ErrNotFound].
func (a *Application) Get(ctx context.Context, name engine.ID) (Pref, error) {
	r, err := a.store.Get(ctx, a.id)
	if err != nil {
		return Pref{}, err
	}
	value, ok := r.Value[string(name)]
	if !ok {
		return Pref{}, engine.ErrNotFound
	}
	return Pref{string(name), value}, nil
}

// edit changes the preferences in one transaction.
func (a *Application) edit(ctx context.Context, f func(values map[string]json.RawMessage) error) error {
	return a.store.Edit(ctx, func(tx *mirror.Tx[Record]) error { return a.editIn(tx, f) })
}

func (a *Application) editIn(tx *mirror.Tx[Record], f func(values map[string]json.RawMessage) error) error {
	r, err := tx.Get(a.id)
	if errors.Is(err, engine.ErrNotFound) {
		r, err = Record{a.id, map[string]json.RawMessage{}}, nil
	}
	if err != nil {
		return err
	}
	if err := f(r.Value); err != nil {
		return err
	}
	return tx.Put(&r)
}

// Add sets a preference that does not exist or was reset. For any other it returns an
// [engine.DuplicateError].
func (a *Application) Add(ctx context.Context, p Pref) (Pref, error) {
	return p, a.edit(ctx, func(values map[string]json.RawMessage) error { return add(values, &p) })
}

func add(values map[string]json.RawMessage, p *Pref) error {
	was, ok := values[p.Name]
	if ok && (TypeOf(was) != Null || TypeOf(p.Value) == Null) {
		return &engine.DuplicateError{ID: engine.ID(p.Name)}
	}
	return set(values, p)
}

func set(values map[string]json.RawMessage, p *Pref) error {
	if err := p.check(); err != nil {
		return &engine.InvalidError{Reason: err}
	}
	values[p.Name] = p.Value
	return nil
}

// Update changes the preference that has p's name, or returns [engine.ErrNotFound].
func (a *Application) Update(ctx context.Context, p Pref) (Pref, error) {
	return p, a.edit(ctx, func(values map[string]json.RawMessage) error {
		if _, ok := values[p.Name]; !ok {
			return engine.ErrNotFound
		}
		return set(values, &p)
	})
}

// Delete resets the preference, here and with the next sync everywhere. One that was
// reset already is taken out of the record.
func (a *Application) Delete(ctx context.Context, name engine.ID) error {
	return a.edit(ctx, func(values map[string]json.RawMessage) error {
		switch was, ok := values[string(name)]; {
		case !ok:
			return engine.ErrNotFound
		case TypeOf(was) == Null:
			delete(values, string(name))
		default:
			values[string(name)] = null
		}
		return nil
	})
}

// Change changes one preference in one transaction: f gets its value, nil if there is none, and
// returns the new one; null resets it. Nothing is changed if f returns an error, which Change
// returns.
func (a *Application) Change(ctx context.Context, name string, f func(was json.RawMessage) (json.RawMessage, error)) error {
	return a.edit(ctx, func(values map[string]json.RawMessage) error {
		value, err := f(values[name])
		if err != nil {
			return err
		}
		return set(values, &Pref{name, value})
	})
}

// Import adds the preferences of a source, as Add does.
func (a *Application) Import(ctx context.Context, source iter.Seq2[Pref, error], item func(*Pref) string, o importing.Options) (importing.Report, error) {
	return mirror.Import(ctx, source, mirror.Importer[Pref]{
		Item: item,
		Edit: func(ctx context.Context, f func(func(*Pref) error) error) error {
			return a.store.Edit(ctx, func(tx *mirror.Tx[Record]) error {
				tx.Undated()
				return a.editIn(tx, func(values map[string]json.RawMessage) error {
					return f(func(p *Pref) error { return add(values, p) })
				})
			})
		},
		Name: func(p *Pref) string { return p.Name },
	}, o)
}

// Log lists the syncs that changed or deleted preferences, of whichever application. It
// counts applications.
func (a *Application) Log(ctx context.Context) ([]engine.LogEntry, error) { return a.store.Log(ctx) }

// Undo brings back what a sync changed or deleted; see [engine.Undone].
func (a *Application) Undo(ctx context.Context, run string) (engine.Undone, error) {
	return a.store.Undo(ctx, run)
}

package extstorage

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Item is one key of an add-on.
type Item struct {
	ExtID string          `json:"extId"`
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// ID names the item among those of all add-ons: the add-on's ID, which has no space,
// a space, and the key.
func (i *Item) ID() engine.ID { return ItemID(i.ExtID, i.Key) }

// ItemID is the ID of the add-on's item.
func ItemID(ext, key string) engine.ID { return engine.ID(ext + " " + key) }

// Items is the storage of all add-ons. Its items are single keys.
type Items struct{ store *mirror.Store[Record] }

// Items is the storage of all add-ons.
func (e *Engine) Items() *Items { return &Items{e.store} }

// List yields the items, sorted by add-on and key.
func (s *Items) List(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var all []Record
		for r, err := range s.store.List(ctx) {
			if err != nil {
				yield(Item{}, err)
				return
			}
			all = append(all, r)
		}
		slices.SortFunc(all, func(a, b Record) int { return cmp.Compare(a.ExtID, b.ExtID) })
		for _, r := range all {
			for _, key := range slices.Sorted(maps.Keys(r.Data)) {
				if !yield(Item{r.ExtID, key, r.Data[key]}, nil) {
					return
				}
			}
		}
	}
}

// area is the add-on that the ID of an item names, and the key.
func (s *Items) area(id engine.ID) (*Area, string) {
	ext, key, _ := strings.Cut(string(id), " ")
	return &Area{s.store, ext}, key
}

// Get returns the item, or [engine.ErrNotFound].
func (s *Items) Get(ctx context.Context, id engine.ID) (Item, error) {
	area, key := s.area(id)
	d, err := area.Get(ctx)
	if err != nil {
		return Item{}, err
	}
	value, ok := d[key]
	if !ok {
		return Item{}, engine.ErrNotFound
	}
	return Item{area.ext, key, value}, nil
}

// Add sets a key that the add-on does not have yet, or returns an
// [engine.DuplicateError].
func (s *Items) Add(ctx context.Context, i Item) (Item, error) {
	_, err := (&Area{s.store, i.ExtID}).edit(ctx, i.add)
	return i, err
}

func (i *Item) add(d Data) error {
	if i.ExtID == "" || strings.Contains(i.ExtID, " ") {
		return invalid("%q cannot be an add-on's ID", i.ExtID)
	}
	if _, ok := d[i.Key]; ok {
		return &engine.DuplicateError{ID: i.ID()}
	}
	return i.set(d)
}

func (i *Item) set(d Data) error { return d.set(map[string]json.RawMessage{i.Key: i.Value}) }

// Update changes the item that has i's key, or returns [engine.ErrNotFound].
func (s *Items) Update(ctx context.Context, i Item) (Item, error) {
	_, err := (&Area{s.store, i.ExtID}).edit(ctx, func(d Data) error {
		if _, ok := d[i.Key]; !ok {
			return engine.ErrNotFound
		}
		return i.set(d)
	})
	return i, err
}

// Delete removes the item, or returns [engine.ErrNotFound].
func (s *Items) Delete(ctx context.Context, id engine.ID) error {
	area, key := s.area(id)
	_, err := area.edit(ctx, func(d Data) error {
		if _, ok := d[key]; !ok {
			return engine.ErrNotFound
		}
		delete(d, key)
		return nil
	})
	return err
}

// Import adds the items of a source, as Add does. A key that has
// another value here keeps it.
func (s *Items) Import(ctx context.Context, source iter.Seq2[Item, error], item func(*Item) string, o importing.Options) (importing.Report, error) {
	return mirror.Import(ctx, source, mirror.Importer[Item]{
		Item: item,
		Edit: func(ctx context.Context, f func(func(*Item) error) error) error {
			return s.store.Edit(ctx, func(tx *mirror.Tx[Record]) error {
				tx.Undated()
				return f(func(i *Item) error { return edit(tx, i.ExtID, i.add) })
			})
		},
		Name: func(i *Item) string { return string(i.ID()) },
	}, o)
}

// Log lists the syncs that changed or deleted what add-ons keep. It counts add-ons.
func (s *Items) Log(ctx context.Context) ([]engine.LogEntry, error) { return s.store.Log(ctx) }

// Undo brings back what a sync changed or deleted; see [engine.Undone].
func (s *Items) Undo(ctx context.Context, run string) (engine.Undone, error) {
	return s.store.Undo(ctx, run)
}

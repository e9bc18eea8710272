package extstorage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// KeyChange is one key that Set, Remove or Clear changed, as storage.onChanged tells an
// add-on.
type KeyChange struct {
	Key string
	// Old and New are the JSON values before and after; nil: the add-on did not, or does
	// not, have the key.
	Old, New json.RawMessage
}

// changes are the keys in which two states differ, sorted. A value that is written otherwise
// but for white space is another one.
func changes(before, after Data) (all []KeyChange) {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if was, is := before[key], after[key]; !bytes.Equal(compact(was), compact(is)) {
			all = append(all, KeyChange{key, was, is})
		}
	}
	return all
}

func compact(value json.RawMessage) []byte {
	var out bytes.Buffer
	if json.Compact(&out, value) != nil {
		return value
	}
	return out.Bytes()
}

// Keys returns the keys that the add-on has, sorted.
func (a *Area) Keys(ctx context.Context) ([]string, error) {
	d, err := a.Get(ctx)
	return slices.Sorted(maps.Keys(d)), err
}

// BytesInUse returns how many bytes keys take, or all of the add-on's where none is given:
// the length of each key and of its value's JSON text, as [MaxItemBytes] counts them. A key
// that is not there takes none, and one that is given twice counts once.
func (a *Area) BytesInUse(ctx context.Context, keys ...string) (n int, err error) {
	d, err := a.Get(ctx)
	for key, value := range d {
		if len(keys) == 0 || slices.Contains(keys, key) {
			n += itemBytes(key, compact(value))
		}
	}
	return n, err
}

func itemBytes(key string, value []byte) int { return len(key) + len(value) }

// Get returns all that the add-on keeps; it is empty if that is nothing.
func (a *Area) Get(ctx context.Context) (Data, error) {
	r := Record{Data: Data{}}
	err := a.store.View(ctx, func(tx *mirror.Tx[Record]) error {
		id, err := tx.Find([]byte(a.ext))
		if err == nil && id != "" {
			r, err = tx.Get(id)
		}
		return err
	})
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		return nil, err
	}
	return r.Data, nil
}

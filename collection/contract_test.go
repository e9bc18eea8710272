package collection_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
)

func harness(o collection.Options[note]) enginetest.Harness {
	notes := func(e engine.Engine) *collection.Engine[note] { return e.(*collection.Engine[note]) }
	o.Valid, o.Same, o.Rand = hasTitle, func(n note) string { return n.Title }, rand.Reader
	o.Now = func() time.Time { return time.UnixMilli(1_795_370_000_000) }
	return enginetest.Harness{
		Open: func(t testing.TB, dir string) engine.Engine {
			o := o
			o.Path = filepath.Join(dir, "notes.db")
			e, err := collection.Open(context.Background(), "test-notes", o)
			check(t, err)
			return e
		},
		Close: func(t testing.TB, e engine.Engine) { check(t, notes(e).Close()) },
		Incoming: func(i, version int) engine.Incoming {
			id := engine.ID(fmt.Sprintf("remote-%06d", i))
			return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","title":"%d","count":%d,"by":{}}`, id, i, version)}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			n, err := notes(e).Add(ctx, note{Title: fmt.Sprint(i)})
			return n.ID, err
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			return notes(e).Edit(ctx, func(tx *collection.Tx[note]) error {
				n, err := tx.Get(id)
				if err != nil {
					return err
				}
				n.Count = version
				return tx.Update(&n)
			})
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error { return notes(e).Delete(ctx, id) },
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			for n, err := range notes(e).List(ctx) {
				if err != nil {
					return nil, err
				}
				all[n.ID] = n.Count
			}
			return all, nil
		},
		Invalid:            []byte(`{"id":"remote-000000"}`),
		Duplicates:         true,
		RemembersDeletions: true,
		Unknown:            true,
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]collection.Options[note]{
		"NewerField": {}, "NewerRecord": {OnConflict: collection.NewerRecord}, "KeepBoth": {OnConflict: collection.KeepBoth, Key: [32]byte{1}},
		"Merge": {Merge: func(_ *note, _, remote, _ note) note { return remote }},
	} {
		t.Run(name, func(t *testing.T) {
			h := harness(o)
			h.Many = 300
			enginetest.Run(t, h)
		})
	}
}

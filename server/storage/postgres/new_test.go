package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/storage"
)

// A step that saw that a collection is not there stores new records, and goes on with those it stored
// itself as with any other.
func TestAStepThatMakesACollection(t *testing.T) {
	t.Parallel()
	b := open(t, pgtest.Database(t), time.Now)
	for uid, batched := range []bool{false, true} {
		err := b.Update(t.Context(), int64(uid), storage.Durable, func(tx storage.Tx) error {
			if at, err := tx.Modified("c", ""); at != 0 || err != nil {
				return fmt.Errorf("modified at %v: %w", at, err)
			}
			change := func(text string) []storage.Change {
				return []storage.Change{{ID: "a", Fields: storage.FieldPayload, Payload: []byte(text)}, {ID: bso.ID(text), Fields: storage.FieldPayload, Payload: []byte{}}}
			}
			for _, text := range []string{"one", "three"} {
				if !batched {
					if err := tx.Put("c", change(text)); err != nil {
						return err
					}
					continue
				}
				if err := tx.StartBatch("c", text, storage.AnyTime); err != nil {
					return err
				}
				if _, err := tx.AppendBatch("c", text, change(text)); err != nil {
					return err
				}
				if n, err := tx.CommitBatch("c", text); n != 2 || err != nil {
					return fmt.Errorf("%d records: %w", n, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if text := textOf(t, b, int64(uid)); text != "three" {
			t.Errorf("stored is %q", text)
		}
		err = b.View(t.Context(), int64(uid), func(v storage.View) error {
			all, err := v.Collections()
			if len(all) != 1 || all[0].Records != 3 || all[0].Bytes != int64(len("three")) {
				t.Errorf("counted are %+v", all)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

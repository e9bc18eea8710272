package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/storage"
)

// Each sync ID of a restored database is new, IDs that were equal still are, and what clients compare
// has a time after all before.
func TestRenewSyncIDs(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_795_372_558, 0)
	b := open(t, pgtest.Database(t), func() time.Time { return now })
	write := func(uid int64, collection string, records map[bso.ID]string) {
		t.Helper()
		err := b.Update(t.Context(), uid, storage.Durable, func(tx storage.Tx) error {
			var changes []storage.Change
			for id, payload := range records {
				changes = append(changes, storage.Change{ID: id, Fields: storage.FieldPayload, Payload: []byte(payload)})
			}
			return tx.Put(collection, changes)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write(1, "meta", map[bso.ID]string{
		"global":  `{"syncID":"old","storageVersion":5,"engines":{"tabs":{"version":1,"syncID":"tabs"}},"big":12345678901234567890}`,
		"syncids": `{"version":1,"globalSyncID":"old","engines":{"tabs":{"version":1,"syncID":"tabs"}}}`,
		"broken":  `{"syncID":`,
	})
	write(1, "crypto", map[bso.ID]string{"keys": "sealed"})
	write(1, "bookmarks", map[bso.ID]string{"b": "sealed"})
	write(2, "bookmarks", map[bso.ID]string{"b": "a storage that was never set up"})
	if err := b.Fence(t.Context(), 1, true); err != nil { // by a move that the backup caught
		t.Fatal(err)
	}
	before := timesOf(t, b)
	now = now.Add(time.Hour)
	if n, err := b.RenewSyncIDs(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d users, %v", n, err)
	}

	type meta struct {
		SyncID, GlobalSyncID string
		Engines              map[string]struct{ SyncID string }
		Big                  json.Number
	}
	var global, ids meta
	var broken string
	err := b.View(t.Context(), 1, func(v storage.View) error {
		return v.Records(storage.Query{Collection: "meta", Older: storage.AnyTime}, func(r *storage.Record) error {
			switch r.ID {
			case "global":
				return json.Unmarshal(r.Payload, &global)
			case "syncids":
				return json.Unmarshal(r.Payload, &ids)
			}
			broken = string(r.Payload)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	tabs := global.Engines["tabs"].SyncID
	if len(global.SyncID) != 12 || ids.GlobalSyncID != global.SyncID || len(tabs) != 12 || ids.Engines["tabs"].SyncID != tabs || global.Big != "12345678901234567890" {
		t.Errorf("meta/global is %+v, meta/syncids %+v", global, ids)
	}
	if broken != `{"syncID":` {
		t.Errorf("what is no JSON is %q", broken)
	}
	after := timesOf(t, b)
	if after["crypto"] != before["crypto"] || after["bookmarks"] <= before["bookmarks"] || after["meta"] != after["bookmarks"] || after[""] != after["meta"] {
		t.Errorf("the times are %v, and were %v", after, before)
	}
	// The sizes are still those of the content.
	err = b.View(t.Context(), 1, func(v storage.View) error {
		all, err := v.Collections()
		for _, c := range all {
			size := int64(0)
			err := v.Records(storage.Query{Collection: c.Name, Older: storage.AnyTime}, func(r *storage.Record) error { size += int64(len(r.Payload)); return nil })
			if err != nil || size != c.Bytes {
				t.Errorf("%s has %d bytes, and %d are counted: %v", c.Name, size, c.Bytes, err)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// timesOf are the last-modified times of user 1's collections, and of the storage at "".
func timesOf(t *testing.T, b storage.Backend) map[string]bso.Timestamp {
	t.Helper()
	times := make(map[string]bso.Timestamp)
	err := b.View(t.Context(), 1, func(v storage.View) error {
		for _, name := range []string{"", "meta", "crypto", "bookmarks"} {
			at, err := v.Modified(name, "")
			if err != nil {
				return err
			}
			times[name] = at
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return times
}

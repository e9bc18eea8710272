package sqlite_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	storagedb "github.com/syncmanager/syncmanager/server/storage/sqlite"
)

// Each sync ID of a restored storage is new, and IDs that were equal still are: Firefox
// wipes a collection that is listed in meta/syncids under another meta/global.
func TestRenewSyncIDs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "1.sqlite")
	change := func(f func(*sql.Tx) error) {
		t.Helper()
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{Migrations: storagedb.Schema(), Durable: true, Readers: 1})
		if err == nil {
			err = db.Update(t.Context(), f)
		}
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const broken = `{"syncID":`
	change(func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO collections (number, name, modified) VALUES (1, 'meta', 100), (2, 'crypto', 110), (3, 'bookmarks', 200);
			UPDATE storage SET modified = 200, fenced = 1;
			INSERT INTO records (collection, id, modified, payload) VALUES
				(1, 'global', 100, CAST('{"syncID":"old","storageVersion":5,"engines":{"tabs":{"version":1,"syncID":"tabs"}},"big":12345678901234567890}' AS BLOB)),
				(1, 'syncids', 90, CAST('{"version":1,"globalSyncID":"old","engines":{"tabs":{"version":1,"syncID":"tabs"},"prefs":{"version":2,"syncID":"prefs"}}}' AS BLOB)),
				(1, 'other', 80, CAST('{"old":"old"}' AS BLOB)),
				(1, 'broken', 70, CAST('` + broken + `' AS BLOB))`)
		return err
	})
	if err := storagedb.RenewSyncIDs(t.Context(), path, rand.Reader, time.Unix(1000, 0)); err != nil {
		t.Fatal(err)
	}
	type record struct {
		SyncID, GlobalSyncID string
		Engines              map[string]struct{ SyncID string }
		Big                  json.Number
	}
	records, times := map[string]record{}, map[string]int{}
	change(func(tx *sql.Tx) error {
		var fenced bool // by a move that the backup caught
		if err := tx.QueryRow(`SELECT fenced FROM storage`).Scan(&fenced); err != nil || fenced {
			t.Errorf("it is fenced: %v, %v", fenced, err)
		}
		for _, id := range []string{"global", "syncids", "other", "broken"} {
			var payload string
			var at int
			if err := tx.QueryRow(`SELECT CAST(payload AS TEXT), modified FROM records WHERE id = ?1`, id).Scan(&payload, &at); err != nil {
				return err
			}
			var r record
			if err := json.Unmarshal([]byte(payload), &r); (err != nil) != (payload == broken) {
				t.Errorf("%s is %s: %v", id, payload, err)
			}
			records[id], times[id] = r, at
		}
		var first, last, crypto int
		if err := tx.QueryRow(`SELECT min(modified), max(modified) FROM collections WHERE name <> 'crypto'`).Scan(&first, &last); err != nil {
			return err
		}
		if err := tx.QueryRow(`SELECT modified FROM collections WHERE name = 'crypto'`).Scan(&crypto); err != nil {
			return err
		}
		// The clock is later than the backup, so the time of each collection is a little before the clock.
		if first != last || last > 100_000 || last <= 97_000 || crypto != 110 {
			t.Errorf("the collections are of %d to %d, crypto of %d", first, last, crypto)
		}
		if times["global"] != last || times["syncids"] != last || times["other"] != 80 || times["broken"] != 70 {
			t.Errorf("the records of meta are of %v", times)
		}
		return nil
	})
	global, ids := records["global"], records["syncids"]
	if len(global.SyncID) != 12 || ids.GlobalSyncID != global.SyncID || global.Big != "12345678901234567890" {
		t.Errorf("meta/global is %+v, meta/syncids %+v", global, ids)
	}
	if tabs := global.Engines["tabs"].SyncID; len(tabs) != 12 || tabs == global.SyncID || ids.Engines["tabs"].SyncID != tabs || len(ids.Engines["prefs"].SyncID) != 12 {
		t.Errorf("meta/global is %+v, meta/syncids %+v", global, ids)
	}
}

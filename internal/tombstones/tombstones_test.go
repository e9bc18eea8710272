package tombstones

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const schema = `-- +goose Up
CREATE TABLE tombstones (n INTEGER PRIMARY KEY, store TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (store, id));
CREATE INDEX tombstones_at ON tombstones (store, at);
`

func open(t *testing.T) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.sqlite"), sqlite.Options{
		Migrations: fstest.MapFS{"0001_start.sql": &fstest.MapFile{Data: []byte(schema)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// with runs f on the set of notes in an account.
func with(t *testing.T, db *sqlite.DB, account string, f func(Set) error) {
	t.Helper()
	err := db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error { return f(Set{Tx: tx, Store: "notes", Account: account}) })
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnOlderRecordThanItsTombstoneIsThePast(t *testing.T) {
	db := open(t)
	with(t, db, "me", func(s Set) error { return s.Add(`["a","b"]`, 100) })
	with(t, db, "me", func(s Set) error { return s.Add(`["a"]`, 90) }) // the later one stands
	with(t, db, "me", func(s Set) error { return s.End(`["b","a"]`, 99) })
	with(t, db, "me", func(s Set) error { return s.End(`["b"]`, 150) })
	with(t, db, "else", func(s Set) error { return s.End(`["a"]`, 150) })
	for _, c := range []struct {
		account  string
		id       bso.ID
		modified bso.Timestamp
		want     bool
	}{
		{"me", "a", 99, true},
		{"me", "a", 100, false},
		{"me", "b", 50, false},
		{"me", "c", 50, false},
		{"else", "a", 99, false},
	} {
		with(t, db, c.account, func(s Set) error {
			at, got, err := s.After(c.id, c.modified)
			if got != c.want || got && at != 100 {
				t.Errorf("%s's %s as of %d: deleted later %v, %v; want %v", c.account, c.id, c.modified, got, at, c.want)
			}
			return err
		})
	}
	with(t, db, "me", func(s Set) error { return s.Forget() })
	if n := count(t, db); n != 0 {
		t.Errorf("%d are left; want none", n)
	}
}

func count(t *testing.T, db *sqlite.DB) (n int) {
	t.Helper()
	if err := db.Read().QueryRow(`SELECT count(*) FROM tombstones`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTombstonesAreBounded(t *testing.T) {
	db := open(t)
	const now = 2 * keepFor
	with(t, db, "me", func(s Set) error { return s.Add(`["old"]`, now-keepFor-1) })
	with(t, db, "me", func(s Set) error { return s.Add(`["a"]`, now-keepFor) })
	with(t, db, "me", func(s Set) error { return s.Prune(now) })
	if n := count(t, db); n != 1 {
		t.Fatalf("%d are left; want the one of the last year", n)
	}
	var ids []string
	for i := range keepCount {
		ids = append(ids, fmt.Sprintf(`"r%d"`, i))
	}
	with(t, db, "me", func(s Set) error { return s.Add("["+strings.Join(ids, ",")+"]", now) })
	with(t, db, "me", func(s Set) error { return s.Prune(now) })
	with(t, db, "me", func(s Set) error {
		_, there, err := s.After("a", 1)
		if there {
			t.Error("the oldest is still there")
		}
		return err
	})
	if n := count(t, db); n != keepCount {
		t.Errorf("%d are left; want %d", n, keepCount)
	}
}

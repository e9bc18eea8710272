package sqldb

import (
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

const sqlCopied = `-- +goose Up
CREATE TABLE parents (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  raw BLOB NOT NULL,
  maybe INTEGER
) STRICT;
CREATE TABLE children (
  name TEXT PRIMARY KEY,
  number INTEGER NOT NULL REFERENCES parents ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
`

const sqlRows = `CREATE TABLE loose (
  name TEXT NOT NULL
) STRICT;
`

// From SQLite to PostgreSQL and back nothing changes, and no number is given twice.
func TestCopyTables(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	parts := map[string]fstest.MapFS{"one": {"0001_a.sql": {Data: []byte(sqlCopied)}}, "two": {"0001_a.sql": {Data: []byte("-- +goose Up\n" + sqlRows)}}}
	for part, schema := range parts {
		open := func(name string) DB {
			db, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), name), part, schema, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db
		}
		first, last := open("first"), open("last")
		middle, err := OpenPostgres(t.Context(), database, part, schema, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = middle.Close() })
		if part == "one" {
			update(t, first, func(tx Tx) error {
				for i := range 120 {
					if _, err := tx.Exec(`INSERT INTO parents (name, raw, maybe) VALUES (?, ?, ?)`, "näme\n", []byte{0, byte(i)}[:i%3], nil); err != nil {
						return err
					}
				}
				_, err := tx.Exec(`DELETE FROM parents WHERE number > 117`)
				return err
			})
			update(t, first, func(tx Tx) error {
				_, err := tx.Exec(`INSERT INTO children VALUES ('a', 5)`)
				return err
			})
			update(t, last, func(tx Tx) error { // what is there is replaced
				_, err := tx.Exec(`INSERT INTO parents (name, raw, maybe) VALUES ('other', x'00', 7)`)
				return err
			})
		} else {
			update(t, first, func(tx Tx) error {
				_, err := tx.Exec(`INSERT INTO loose VALUES ('a'), ('b')`)
				return err
			})
		}
		tables, err := Tables(schema)
		if err != nil || len(tables) == 0 {
			t.Fatal(tables, err)
		}
		want, err := SumOf(t.Context(), first, tables)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := CopyTables(t.Context(), first, middle, tables); err != nil {
				t.Fatal(err)
			}
			if err := CopyTables(t.Context(), middle, last, tables); err != nil {
				t.Fatal(err)
			}
		}
		for name, db := range map[string]DB{"PostgreSQL": middle, "SQLite": last} {
			if got, err := SumOf(t.Context(), db, tables); err != nil || got != want {
				t.Errorf("%s, %s: %+v, want %+v, %v", part, name, got, want, err)
			}
			if part == "one" {
				update(t, db, func(tx Tx) error {
					var n int64
					err := tx.QueryRow(`INSERT INTO parents (name, raw) VALUES ('next', ?) RETURNING number`, []byte{1}).Scan(&n)
					if n != 121 {
						t.Errorf("%s: the next number is %d, want 121", name, n)
					}
					return err
				})
			} else {
				update(t, db, func(tx Tx) error {
					_, err := tx.Exec(`INSERT INTO loose (name) VALUES ('c')`)
					return err
				})
			}
			if got, err := SumOf(t.Context(), db, tables); err != nil || got == want {
				t.Errorf("%s, %s: one more row makes no difference: %v", part, name, err)
			}
		}
	}
}

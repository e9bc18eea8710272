package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// A file that is current is opened by a reader alone: the connection that writes comes with the
// first write. Each connection reads the schema, which is most of what opening a file costs.
func TestAFileThatIsOnlyReadHasNoWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sqlite")
	o := Options{Migrations: fstest.MapFS{"0001_start.sql": {Data: []byte(`CREATE TABLE notes (text TEXT NOT NULL)`)}}}
	writers := func(use func(context.Context, *DB) error) int {
		t.Helper()
		db, err := Open(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := use(t.Context(), db); err != nil {
			t.Error(err)
		}
		n := db.write.Stats().OpenConnections
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		return n
	}
	read := func(ctx context.Context, db *DB) error {
		var n int
		return db.View(ctx, func(tx *sql.Tx) error { return tx.QueryRow(`SELECT count(*) FROM notes`).Scan(&n) })
	}
	write := func(ctx context.Context, db *DB) error {
		return db.Update(ctx, func(tx *sql.Tx) error { _, err := tx.Exec(`INSERT INTO notes VALUES ('x')`); return err })
	}
	if n := writers(read); n != 1 {
		t.Errorf("a new file has %d writers", n) // its schema was written
	}
	if n := writers(read); n != 0 {
		t.Errorf("a file that was only read has %d writers", n)
	}
	if n := writers(write); n != 1 {
		t.Errorf("a file that was written has %d writers", n)
	}
	o.Migrations.(fstest.MapFS)["0002_more.sql"] = &fstest.MapFile{Data: []byte(`CREATE TABLE more (text TEXT NOT NULL)`)}
	if n := writers(read); n != 1 {
		t.Errorf("a file with an older schema has %d writers", n)
	}
}

// A call that ends does not wait to prepare its statements: not for a writer, when it gave up
// waiting for its turn, and not for slow readers.
func TestPreparingWaitsForNoOther(t *testing.T) {
	t.Parallel()
	o := Options{Readers: 2, Migrations: fstest.MapFS{"0001_start.sql": {Data: []byte(`CREATE TABLE notes (text TEXT NOT NULL)`)}}}
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.sqlite"), o)
	if err != nil {
		t.Fatal(err)
	}
	count := func(tx *Tx) error {
		var n int
		return errors.Join(tx.QueryRow(`SELECT count(*) FROM notes`).Scan(&n), tx.QueryRow(`SELECT count(*) FROM notes`).Scan(&n))
	}
	err = db.UpdateCached(t.Context(), func(tx *Tx) error {
		if err := count(tx); err != nil { // which is prepared soon
			return err
		}
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		for _, update := range []func(context.Context, func(*Tx) error) error{db.UpdateCached, db.UpdateSoon} {
			if err := update(impatient, count); !errors.Is(err, context.Canceled) {
				t.Errorf("a call that gave up: %v", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	release, slow := make(chan struct{}), make(chan error)
	for range 2 {
		started := make(chan struct{})
		go func() {
			slow <- db.ViewCached(context.WithoutCancel(t.Context()), func(*Tx) error { close(started); <-release; return nil })
		}()
		<-started
	}
	// Its turn has passed, and both readers are taken again.
	db.readStatements.asked = map[string]bool{`SELECT count(*) FROM notes`: true}
	db.readStatements.prepare(t.Context(), db.read)
	if got := db.Statements(); len(got) != 1 { // that of the writer
		t.Errorf("prepared: %q", got)
	}
	close(release)
	if err := errors.Join(<-slow, <-slow); err != nil {
		t.Error(err)
	}
	db.readStatements.prepare(t.Context(), db.read)
	if db.readStatements.ready[`SELECT count(*) FROM notes`] == nil {
		t.Error("it was not prepared later")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// The pages that a connection keeps in memory are bounded, for readers and writers alike.
func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	o := Options{CachePages: 7, Migrations: fstest.MapFS{"0001_start.sql": {Data: []byte(`CREATE TABLE notes (text TEXT NOT NULL)`)}}}
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.sqlite"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	for name, pool := range map[string]*sql.DB{"reads": db.read, "writes": db.write} {
		var n int
		if err := pool.QueryRowContext(t.Context(), `PRAGMA cache_size`).Scan(&n); err != nil || n != 7 {
			t.Errorf("the connection that %s keeps %d pages, %v", name, n, err)
		}
	}
}

package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// The migrations of a small store: version 1, and version 2 on top of it.
var (
	one = fstest.MapFS{"0001_start.sql": file(`CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;`)}
	two = fstest.MapFS{
		"0001_start.sql": one["0001_start.sql"],
		"0002_more.sql": file("ALTER TABLE notes ADD COLUMN size INTEGER NOT NULL DEFAULT 0;\nUPDATE notes SET size = length(text);\n" +
			"CREATE TRIGGER sized AFTER INSERT ON notes BEGIN UPDATE notes SET size = length(new.text) WHERE id = new.id; END;\n" +
			"-- +goose Down\nDROP TABLE notes;"),
	}
)

func file(up string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + up + "\n")}
}

func open(t testing.TB, path string, o sqlite.Options) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func add(db *sqlite.DB, text string) error {
	return db.Update(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO notes (text) VALUES (?)`, text)
		return err
	})
}

func texts(t testing.TB, db *sqlite.DB) string {
	t.Helper()
	var all sql.NullString
	if err := db.Read().QueryRow(`SELECT group_concat(text, ' ' ORDER BY id) FROM notes`).Scan(&all); err != nil {
		t.Fatal(err)
	}
	return all.String
}

func TestNobodyElseReadsTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sqlite")
	db := open(t, path, sqlite.Options{Migrations: one})
	if err := add(db, "x"); err != nil {
		t.Fatal(err)
	}
	for _, tail := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + tail)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v", info.Name(), info.Mode())
		}
	}
}

func TestAnOlderFileIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c#d%41.sqlite") // a name is not a URL
	db := open(t, path, sqlite.Options{Migrations: one})
	if err := add(db, "four"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		db = open(t, path, sqlite.Options{Migrations: two})
		var size int
		if err := db.Read().QueryRow(`SELECT size FROM notes WHERE text = 'four'`).Scan(&size); err != nil || size != 4 {
			t.Fatalf("size %d, %v", size, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesThatAreLeftAlone(t *testing.T) {
	t.Parallel()
	newer := func(t *testing.T, path string) {
		if err := open(t, path, sqlite.Options{Migrations: two}).Close(); err != nil {
			t.Fatal(err)
		}
	}
	torn := func(t *testing.T, path string) {
		newer(t, path)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copy(b, "SQLite is what?")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := func(t *testing.T, path string) {
		if err := os.WriteFile(path, bytes.Repeat([]byte("dear diary "), 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		make func(*testing.T, string)
		want error
	}{
		"newer": {newer, sqlite.ErrNewer}, "torn": {torn, sqlite.ErrCorrupt}, "text": {text, sqlite.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.sqlite")
			c.make(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = sqlite.Open(t.Context(), path, sqlite.Options{Migrations: one})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want.Error()) {
				t.Errorf("open: %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was touched, %v", err)
			}
		})
	}
}

func TestAFileThatCannotBeMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none", "a.sqlite")
	if _, err := sqlite.Open(t.Context(), path, sqlite.Options{Migrations: one}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	path = filepath.Join(t.TempDir(), "a.sqlite")
	for _, migrations := range []fs.FS{fstest.MapFS{}, fstest.MapFS{"start.sql": file(`SELECT 1;`)}, fstest.MapFS{"0001_bad.sql": file(`CREATE GARBAGE;`)},
		fstest.MapFS{"0001_a.sql": file(`SELECT 1;`), "1_b.sql": file(`SELECT 1;`)}, fstest.MapFS{"0000_a.sql": file(`SELECT 1;`)}} {
		if _, err := sqlite.Open(t.Context(), path, sqlite.Options{Migrations: migrations}); err == nil {
			t.Errorf("opened with %v", migrations)
		}
	}
	open(t, path, sqlite.Options{Migrations: one})
}

func TestAFullDiskKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one, MaxPages: 20})
	if err := add(db, "small"); err != nil {
		t.Fatal(err)
	}
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		for range 100 {
			if _, err := tx.Exec(`INSERT INTO notes (text) VALUES (?)`, strings.Repeat("x", 4000)); err != nil {
				return fmt.Errorf("adding a note: %w", err)
			}
		}
		return nil
	})
	if !errors.Is(err, sqlite.ErrFull) || err.Error() != sqlite.ErrFull.Error() {
		t.Errorf("got %v", err)
	}
	if got := texts(t, db); got != "small" {
		t.Errorf("left: %.80s", got)
	}
	if err := add(db, "again"); err != nil {
		t.Error(err)
	}
}

func TestReadersCannotWriteAndDoNotWait(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one})
	if _, err := db.Read().Exec(`INSERT INTO notes (text) VALUES ('x')`); err == nil {
		t.Error("a reader wrote")
	}
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO notes (text) VALUES ('unseen')`); err != nil {
			return err
		}
		if got := texts(t, db); got != "" {
			t.Errorf("a reader sees %q", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(t.Context(), func(tx *sql.Tx) error {
		count := func() (n int) {
			if err := tx.QueryRow(`SELECT count(*) FROM notes`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := count()
		if err := add(db, "later"); err != nil {
			t.Fatal(err)
		}
		if after := count(); before != 1 || after != before {
			t.Errorf("a view changed from %d to %d", before, after)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFailedUpdateLeavesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one})
	sorry := errors.New("sorry")
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO notes (text) VALUES ('x')`); err != nil {
			return err
		}
		return sorry
	})
	if !errors.Is(err, sorry) || texts(t, db) != "" {
		t.Errorf("%v, left: %s", err, texts(t, db))
	}
}

// TestATransactionThatWasCancelledSaysSo: what the function meets then, a closed
// statement or the like, is not the cause.
func TestATransactionThatWasCancelledSaysSo(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one})
	ctx, cancel := context.WithCancel(t.Context())
	closed := errors.New("sql: statement is closed")
	err := db.Update(ctx, func(*sql.Tx) error { cancel(); return closed })
	if !errors.Is(err, context.Canceled) || !errors.Is(err, closed) {
		t.Errorf("got %v", err)
	}
	if err := add(db, "x"); err != nil || texts(t, db) != "x" {
		t.Errorf("%v, left: %s", err, texts(t, db))
	}
}

func TestADurableFileWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	for durable, want := range map[bool]int{true: 2 /* FULL */, false: 1 /* NORMAL */} {
		db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one, Durable: durable})
		err := db.Update(t.Context(), func(tx *sql.Tx) error {
			var level int
			var journal string
			if err := tx.QueryRow(`PRAGMA synchronous`).Scan(&level); err != nil || level != want {
				t.Errorf("durable %v: synchronous is %d, %v", durable, level, err)
			}
			if err := tx.QueryRow(`PRAGMA journal_mode`).Scan(&journal); err != nil || journal != "wal" {
				t.Errorf("journal is %s, %v", journal, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpdateSoonWaitsForNoDiskButTheNextUpdateDoes: also when the one before
// failed.
func TestUpdateSoonWaitsForNoDiskButTheNextUpdateDoes(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one, Durable: true})
	sorry := errors.New("sorry")
	calls := 0
	level := func(update func(context.Context, func(*sqlite.Tx) error) error, outcome error) (level int) {
		t.Helper()
		calls++ // each text is new: a pragma that is prepared says what was true then
		err := update(t.Context(), func(tx *sqlite.Tx) error {
			return errors.Join(tx.QueryRow(fmt.Sprintf(`PRAGMA synchronous -- %d`, calls)).Scan(&level), outcome)
		})
		if !errors.Is(err, outcome) {
			t.Fatal(err)
		}
		return level
	}
	for _, outcome := range []error{nil, sorry} {
		if soon := level(db.UpdateSoon, outcome); soon != 1 /* NORMAL */ {
			t.Errorf("synchronous is %d", soon)
		}
		if then := level(db.UpdateCached, nil); then != 2 /* FULL */ {
			t.Errorf("synchronous is %d after it", then)
		}
	}
}

func TestALockHeldByAnotherProgram(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sqlite")
	first := open(t, path, sqlite.Options{Migrations: one})
	second := open(t, path, sqlite.Options{Migrations: one, BusyTimeout: time.Millisecond})
	err := first.Update(t.Context(), func(*sql.Tx) error {
		if err := add(second, "x"); !errors.Is(err, sqlite.ErrBusy) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := add(second, "y"); err != nil || texts(t, first) != "y" {
		t.Errorf("%v, left: %s", err, texts(t, first))
	}
}

func TestManyOpenANewFileAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sqlite")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{Migrations: two})
			if err != nil {
				t.Error(err)
				return
			}
			if err := add(db, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := texts(t, open(t, path, sqlite.Options{Migrations: two})); len(strings.Fields(got)) != 8 {
		t.Errorf("left: %s", got)
	}
}

func BenchmarkOpenNew(b *testing.B) {
	dir := b.TempDir()
	for i := 0; b.Loop(); i++ {
		db, err := sqlite.Open(b.Context(), filepath.Join(dir, fmt.Sprint(i)), sqlite.Options{Migrations: two})
		if err != nil {
			b.Fatal(err)
		}
		_ = db.Close()
	}
}

func BenchmarkOpenAgain(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a")
	for b.Loop() {
		db, err := sqlite.Open(b.Context(), path, sqlite.Options{Migrations: two})
		if err != nil {
			b.Fatal(err)
		}
		_ = db.Close()
	}
}

// A file older than the first migration cannot be migrated, and is not changed.
func TestAFileFromBeforeTheFirstMigration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "old.sqlite")
	first := fstest.MapFS{"0003_start.sql": &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE first (n INTEGER);")}}
	db := open(t, path, sqlite.Options{Migrations: first})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	later := fstest.MapFS{
		"0005_start.sql": &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE other (n INTEGER);")},
		"0006_more.sql":  &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE other ADD COLUMN m INTEGER;")},
	}
	if _, err := sqlite.Open(t.Context(), path, sqlite.Options{Migrations: later}); !errors.Is(err, sqlite.ErrOlder) {
		t.Errorf("opened with %v; want ErrOlder", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was touched: %v", err)
	}
	// A new file gets all of them, and one that has the first gets the rest.
	fresh := filepath.Join(t.TempDir(), "new.sqlite")
	db = open(t, fresh, sqlite.Options{Migrations: fstest.MapFS{"0005_start.sql": later["0005_start.sql"]}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, fresh, sqlite.Options{Migrations: later})
	if err := db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO other (n, m) VALUES (1, 2)`)
		return err
	}); err != nil {
		t.Error(err)
	}
}

// A transaction that panics must not hold the one connection that writes.
func TestAPanicRollsBack(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), sqlite.Options{Migrations: fstest.MapFS{
		"0001_start.sql": &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE t (a INTEGER) STRICT;")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	panicking := func(update func(context.Context, func(*sqlite.Tx) error) error) {
		defer func() {
			if p := recover(); p != "a bug" {
				t.Errorf("it panics with %v", p)
			}
		}()
		_ = update(ctx, func(tx *sqlite.Tx) error {
			if _, err := tx.Exec("INSERT INTO t VALUES (1)"); err != nil {
				t.Error(err)
			}
			panic("a bug")
		})
	}
	panicking(db.UpdateCached)
	panicking(db.UpdateSoon)
	count := func() (n int) {
		if err := db.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 0 {
		t.Errorf("%d rows are kept", n)
	}
	if err := db.UpdateCached(ctx, func(tx *sqlite.Tx) error { _, err := tx.Exec("INSERT INTO t VALUES (2)"); return err }); err != nil || count() != 1 {
		t.Errorf("the next transaction: %v, %d rows", err, count())
	}
}

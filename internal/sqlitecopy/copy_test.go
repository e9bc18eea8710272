package sqlitecopy_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

// folder makes a folder with a database in it.
func folder(t *testing.T) (path string, dir *os.Root) {
	t.Helper()
	path = t.TempDir()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(path, "a.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE words (word TEXT); INSERT INTO words VALUES ('one'), ('two')`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	dir, err = os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	return path, dir
}

func TestRowsEndWithTheLoop(t *testing.T) {
	t.Parallel()
	_, dir := folder(t)
	c, err := sqlitecopy.Take(t.Context(), dir, "a.sqlite", sqlitecopy.Options{TempDir: t.TempDir(), Tables: map[string][]string{"words": {"word"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	var first string
	for rows, err := range c.Rows(t.Context(), `SELECT word FROM words ORDER BY word`) {
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Scan(&first); err != nil {
			t.Fatal(err)
		}
		break
	}
	if first != "one" {
		t.Errorf("read %q", first)
	}
	for _, err := range c.Rows(t.Context(), `SELECT nonsense FROM words`) {
		if err == nil {
			t.Error("a query that fails yields no error")
		}
	}
}

// TestWhatIsRefused: nothing is copied that leads out of the folder or is beyond the
// bound, and no copy is left behind.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	path, dir := folder(t)
	outside, _ := folder(t)
	if err := os.Symlink(filepath.Join(outside, "a.sqlite"), filepath.Join(path, "link.sqlite")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(path, "folder.sqlite"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    sqlitecopy.Options
		want error
	}{
		"link.sqlite":   {sqlitecopy.Options{}, sqlitecopy.ErrNotPlain},
		"folder.sqlite": {sqlitecopy.Options{}, sqlitecopy.ErrNotPlain},
		"none.sqlite":   {sqlitecopy.Options{}, os.ErrNotExist},
		"a.sqlite":      {sqlitecopy.Options{MaxSize: 100}, sqlitecopy.ErrTooLarge},
	} {
		temp := t.TempDir()
		c.o.TempDir = temp
		if _, err := sqlitecopy.Take(t.Context(), dir, name, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
	}
}

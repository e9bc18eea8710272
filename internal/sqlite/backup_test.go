package sqlite_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// A copy contains the committed data, and does not disturb other users of the file.
func TestCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from.sqlite"), filepath.Join(dir, "a copy?.sqlite")
	db := open(t, from, sqlite.Options{Migrations: one})
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO notes (text) VALUES ('committed')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO notes (text) VALUES ('under way')`); err != nil {
			return err
		}
		return sqlite.Copy(t.Context(), from, to) // nobody waits
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Check(t.Context(), to); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the copy is %v, %v", info.Mode(), err)
	}
	copied := open(t, to, sqlite.Options{Migrations: one})
	var x string
	if err := copied.Read().QueryRowContext(t.Context(), `SELECT group_concat(text) FROM notes`).Scan(&x); err != nil || x != "committed" {
		t.Errorf("copied %q, %v", x, err)
	}
	if err := sqlite.Copy(t.Context(), from, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	nowhere := filepath.Join(dir, "nowhere")
	if err := sqlite.Copy(t.Context(), nowhere, filepath.Join(dir, "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("the file was made")
	}
}

// A check finds damage, and writes nothing.
func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.sqlite")
	if err := os.WriteFile(path, make([]byte, 5000), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Check(t.Context(), path); !errors.Is(err, sqlite.ErrCorrupt) {
		t.Errorf("no database: %v", err)
	}
	if err := sqlite.Check(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("the folder holds %v, %v", all, err)
	}
}

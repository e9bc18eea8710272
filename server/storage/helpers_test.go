package storage_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"
)

// userFile is the path of a user's file.
func userFile(dir string, uid int64) string {
	return filepath.Join(dir, fmt.Sprintf("%02x", uint8(uid)), fmt.Sprintf("%d.sqlite", uid))
}

// openFile opens a user's file without the server.
func openFile(t testing.TB, dir string, uid int64) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", userFile(dir, uid))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// rows counts the rows of a table.
func rows(t testing.TB, dir string, uid int64, table string) (n int) {
	t.Helper()
	if err := openFile(t, dir, uid).QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

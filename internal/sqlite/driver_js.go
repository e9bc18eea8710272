package sqlite

import (
	"context"
	"errors"
	"sync"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/driver" // of database/sql
	"github.com/ncruces/go-sqlite3/vfs/mvcc"
)

// In a browser a file is in memory. It lives as long as the page: Close and Open find it
// again, and a page that is loaded again does not.

// Driver is the name of SQLite in database/sql.
const Driver = "sqlite3"

// vfs is where SQLite finds the files: in memory, shared by the connections.
const vfs = "mvcc"

var (
	filesMu sync.Mutex
	files   = make(map[string]bool)
)

// create makes the file if it does not exist.
func create(path string) error {
	name := absolute(path)[1:]
	filesMu.Lock()
	defer filesMu.Unlock()
	if !files[name] {
		mvcc.Create(name, mvcc.Snapshot{})
		files[name] = true
	}
	return nil
}

// codeOf returns SQLite's primary result code, if the error is SQLite's.
func codeOf(err error) (code int, ok bool) {
	var se *sqlite3.Error
	if !errors.As(err, &se) {
		return 0, false
	}
	return int(se.Code()), true
}

// bytes returns the file's size.
func (db *DB) bytes(ctx context.Context) (size int64, err error) {
	err = db.write.QueryRowContext(ctx, sqlSize).Scan(&size)
	return size, Explain(err)
}

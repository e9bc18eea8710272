//go:build !js

package sqlite

import (
	"context"
	"errors"
	"os"

	driver "modernc.org/sqlite"
)

// Driver is the name of SQLite in database/sql.
const Driver = "sqlite"

// vfs is where SQLite finds the files; "": on the disk.
const vfs = ""

// create makes the file if it does not exist. SQLite would create it and its journal with
// mode 0644.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// codeOf returns SQLite's primary result code, if the error is SQLite's.
func codeOf(err error) (code int, ok bool) {
	var se *driver.Error
	if !errors.As(err, &se) {
		return 0, false
	}
	return se.Code() & 0xff, true
}

// bytes returns the file's size.
func (db *DB) bytes(context.Context) (int64, error) {
	info, err := os.Stat(db.path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

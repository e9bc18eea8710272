package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
)

// Copy makes a compact copy of the file at from, as it stands at one moment,
// while other processes may read and write it. The copy at to is 0600; it must
// not be there yet. A file that is not there is fs.ErrNotExist.
func Copy(ctx context.Context, from, to string) error {
	if _, err := os.Stat(from); err != nil { // SQLite would make it
		return fmt.Errorf("cannot copy %s: %w", from, err)
	}
	// SQLite takes an empty file for the copy, but would make it 0644.
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("cannot copy to %s: %w", to, err)
	}
	db, err := sql.Open("sqlite", dsn(from, "deferred", []string{"busy_timeout(10000)", "trusted_schema(0)"}))
	if err != nil {
		return fmt.Errorf("cannot copy %s: %w", from, err)
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, to)
	if err = errors.Join(err, db.Close()); err != nil {
		_ = os.Remove(to)
		return fmt.Errorf("cannot copy %s: %w", from, Explain(err))
	}
	return nil
}

// Check reads the whole file at path, which nobody else uses, and returns
// ErrCorrupt if it is not sound. It writes nothing.
func Check(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("cannot check %s: %w", path, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("cannot check %s: %w", path, err)
	}
	if abs = filepath.ToSlash(abs); runtime.GOOS == "windows" {
		abs = "/" + abs
	}
	u := url.URL{Scheme: "file", Path: abs, RawQuery: "mode=ro&immutable=1&_pragma=trusted_schema(0)"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return fmt.Errorf("cannot check %s: %w", path, err)
	}
	defer func() { _ = db.Close() }() // it was only read
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return fmt.Errorf("cannot check %s: %w", path, Explain(err))
	}
	if verdict != "ok" {
		return fmt.Errorf("cannot use %s: %w", path, ErrCorrupt)
	}
	return nil
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// Copy writes a compact copy of the file at from, as of one moment, to the path to, which
// must not exist. Other processes may read and write the file meanwhile. The copy has mode
// 0600. If there is no file at from, the error wraps [fs.ErrNotExist].
func Copy(ctx context.Context, from, to string) error {
	if _, err := os.Stat(from); err != nil { // SQLite would create it
		return fmt.Errorf("cannot copy %s: %w", from, err)
	}
	if err := newFile(to); err != nil {
		return fmt.Errorf("cannot copy to %s: %w", to, err)
	}
	db, err := sql.Open(Driver, dsn(from, "deferred", []string{"busy_timeout(10000)", "trusted_schema(0)"}))
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

// Check reads the whole file at path, and returns an error that wraps [ErrCorrupt] if it is
// damaged. It writes nothing. No other process may have the file open.
func Check(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("cannot check %s: %w", path, err)
	}
	s := &Snapshot{path: path}
	err := s.begin(ctx, immutable(path))
	if err == nil {
		err = s.Check(ctx)
	} else {
		err = fmt.Errorf("cannot check %s: %w", path, Explain(err))
	}
	return errors.Join(err, s.Close())
}

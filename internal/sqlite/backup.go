package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// Copy makes a compact copy of the file at from, as it stands at one moment,
// while other processes may read and write it. The copy at to is 0600; it must
// not be there yet. A file that is not there is fs.ErrNotExist.
func Copy(ctx context.Context, from, to string) error {
	if _, err := os.Stat(from); err != nil { // SQLite would make it
		return fmt.Errorf("cannot copy %s: %w", from, err)
	}
	if err := newFile(to); err != nil {
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
	s := &Snapshot{path: path}
	err := s.begin(ctx, immutable(path))
	if err == nil {
		err = s.Check(ctx)
	} else {
		err = fmt.Errorf("cannot check %s: %w", path, Explain(err))
	}
	return errors.Join(err, s.Close())
}

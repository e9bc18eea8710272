package sqlite

import (
	"context"
	"os"
)

// Compact gives the disk back the pages that hold nothing, if they are one in twenty
// or more, and returns the file's sizes in bytes. It needs room for a second file of
// the size after it; other writers wait.
func (db *DB) Compact(ctx context.Context) (before, after int64, err error) {
	if before, err = db.size(ctx); err != nil {
		return 0, 0, err
	}
	var pages, free int64
	err = db.write.QueryRowContext(ctx, sqlPages).Scan(&pages, &free)
	if err != nil || free*20 < pages {
		return before, before, Explain(err)
	}
	if _, err := db.write.ExecContext(ctx, `VACUUM`); err != nil {
		return 0, 0, Explain(err)
	}
	after, err = db.size(ctx)
	return before, after, err
}

// size is the file's size with an empty journal, or with what of it readers leave.
func (db *DB) size(ctx context.Context) (int64, error) {
	if _, err := db.write.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return 0, Explain(err)
	}
	info, err := os.Stat(db.path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

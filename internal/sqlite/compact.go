package sqlite

import "context"

// Compact shrinks the file if at least a twentieth of its pages are unused, and returns its
// sizes before and after, in bytes. It needs disk space for a copy of the compacted file.
// Other writers wait meanwhile.
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

// Optimize brings the statistics by which SQLite plans queries up to date, from 400 rows of
// each index at most, for tables that it has not seen yet too.
func (db *DB) Optimize(ctx context.Context) error {
	_, err := db.write.ExecContext(ctx, `PRAGMA analysis_limit = 400; PRAGMA optimize(0x10002)`)
	return Explain(err)
}

// Vacuum rewrites the file, so that nothing that was overwritten or deleted is left in it. It
// needs disk space for a second file of the same size; other writers wait.
func (db *DB) Vacuum(ctx context.Context) error {
	if _, err := db.write.ExecContext(ctx, `VACUUM`); err != nil {
		return Explain(err)
	}
	_, err := db.size(ctx)
	return err
}

// size returns the file's size, in bytes, after moving the journal into it as far as readers
// allow.
func (db *DB) size(ctx context.Context) (int64, error) {
	if _, err := db.write.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return 0, Explain(err)
	}
	return db.bytes(ctx)
}

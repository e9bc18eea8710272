package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// probeWhole is the maximum size, in bytes, of a file that Probe reads in full.
const probeWhole = 8 << 20

// Probe checks that the file can be written and read. It writes without changing anything,
// durably if [Options.Durable] is set. Then it reads the file past the cache: a small file in
// full, and the schema and the root pages of a large one. Errors are as from [Explain].
func (db *DB) Probe(ctx context.Context) error {
	err := db.Update(ctx, func(tx *sql.Tx) error {
		v, err := version(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version=%d", v))
		return err
	})
	if err != nil {
		return err
	}
	s, err := OpenSnapshot(ctx, db.path, "")
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // it was only read
	size, err := s.Size(ctx)
	if err != nil {
		return err
	}
	if size <= probeWhole {
		return s.Check(ctx)
	}
	tables, err := s.tables(ctx)
	for _, name := range tables {
		var one int
		err := s.conn.QueryRowContext(ctx, fmt.Sprintf(sqlFirstRow, name)).Scan(&one)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return Explain(err)
		}
	}
	return err
}

func (s *Snapshot) tables(ctx context.Context) (names []string, err error) {
	rows, err := s.Query(ctx, sqlTables)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, Explain(err)
		}
		names = append(names, name)
	}
	return names, Explain(rows.Err())
}

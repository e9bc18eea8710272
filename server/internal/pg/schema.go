package pg

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The table of the versions of all parts, each named by its prefix or by what it holds.
const (
	// The lock keeps two processes that start at once from making the tables both. It belongs to
	// the schema, and ends with the transaction.
	sqlMigrating = `SELECT pg_advisory_xact_lock(hashtextextended('syncmanager ' || current_schema(), 0))`
	sqlMade      = `SELECT to_regclass('versions') IS NOT NULL`
	sqlVersions  = `CREATE TABLE IF NOT EXISTS versions (part text NOT NULL PRIMARY KEY, version integer NOT NULL)`
	sqlVersion   = `SELECT coalesce(max(version), 0) FROM versions WHERE part = $1`
	sqlMigrated  = `INSERT INTO versions (part, version) VALUES ($1, $2) ON CONFLICT (part) DO UPDATE SET version = excluded.version`
)

// ErrNewer means that tables were made by a newer version of this program.
var ErrNewer = errors.New("the database was made by a newer version: update this program")

// Migrate brings the tables of one part to the version len(steps), all in one transaction: each
// step is the statements that lead from one version to the next. The tables are in the first
// schema of the search path. If they have that version, nothing is written, so that a standby
// can be opened.
func Migrate(ctx context.Context, pool *pgxpool.Pool, part string, steps []string) error {
	err := pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if v, err := version(ctx, conn, part); err != nil || v == len(steps) {
			return err
		}
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return migrate(ctx, tx, part, steps) })
	})
	if err != nil {
		return fmt.Errorf("cannot prepare the database: %w", err)
	}
	return nil
}

// version returns the version of a part's tables; 0 if there are none.
func version(ctx context.Context, conn *pgxpool.Conn, part string) (v int, err error) {
	var exist bool
	if err := conn.QueryRow(ctx, sqlMade).Scan(&exist); err != nil || !exist {
		return 0, err
	}
	err = conn.QueryRow(ctx, sqlVersion, part).Scan(&v)
	return v, err
}

func migrate(ctx context.Context, tx pgx.Tx, part string, steps []string) error {
	for _, statement := range []string{sqlMigrating, sqlVersions} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	var v int
	if err := tx.QueryRow(ctx, sqlVersion, part).Scan(&v); err != nil {
		return err
	}
	if v > len(steps) {
		return ErrNewer
	}
	for i, step := range steps[v:] {
		if _, err := tx.Exec(ctx, step); err != nil {
			return fmt.Errorf("step %d of %s: %w", v+i+1, part, err)
		}
	}
	_, err := tx.Exec(ctx, sqlMigrated, part, len(steps))
	return err
}

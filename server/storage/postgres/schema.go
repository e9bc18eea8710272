package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// The lock keeps two processes that start at once from making the tables both. It belongs to
	// the schema, and ends with the transaction.
	sqlMigrating = `SELECT pg_advisory_xact_lock(hashtextextended('syncmanager ' || current_schema(), 0))`
	sqlMade      = `SELECT to_regclass('storage_version') IS NOT NULL`
	sqlVersions  = `CREATE TABLE IF NOT EXISTS storage_version (version integer NOT NULL)`
	sqlVersion   = `SELECT coalesce(max(version), 0) FROM storage_version`
	sqlMigrated  = `INSERT INTO storage_version (version) VALUES ($1)`
)

// ErrNewer means that the tables were made by a newer version of this program.
var ErrNewer = errors.New("the database was made by a newer version: update this program")

// migrate brings the tables to this version, all in one transaction. It writes nothing if they are,
// so that a standby can be opened.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	if version, err := made(ctx, conn); err != nil || version == len(files) {
		return err
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, statement := range []string{sqlMigrating, sqlVersions} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		var version int
		if err := tx.QueryRow(ctx, sqlVersion).Scan(&version); err != nil {
			return err
		}
		if version > len(files) {
			return ErrNewer
		}
		for i, file := range files[version:] {
			text, err := migrations.ReadFile(file)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, string(text)); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if _, err := tx.Exec(ctx, sqlMigrated, version+i+1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot prepare the database: %w", err)
	}
	return nil
}

// made returns the version of the tables; 0 if there are none.
func made(ctx context.Context, conn *pgx.Conn) (version int, err error) {
	var exist bool
	if err := conn.QueryRow(ctx, sqlMade).Scan(&exist); err != nil || !exist {
		return 0, err
	}
	err = conn.QueryRow(ctx, sqlVersion).Scan(&version)
	return version, err
}

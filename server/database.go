package server

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/storage/postgres"
)

// ErrDatabase means that Config.Database is not set for a data folder of a server that has it
// set, which would begin without any account.
var ErrDatabase = errors.New("the folder belongs to a server whose data is in a PostgreSQL database: name the database")

// checkDatabase refuses a data folder that belongs to another kind of storage than the
// configured one.
func (s *Server) checkDatabase() error {
	if exists(filepath.Join(s.cfg.Dir, MovingMarker)) {
		return fmt.Errorf("%s: %w", s.cfg.Dir, ErrMoving)
	}
	if s.cfg.Database == "" {
		if exists(filepath.Join(s.cfg.Dir, sqldb.Marker)) {
			return fmt.Errorf("%s: %w", s.cfg.Dir, ErrDatabase)
		}
		return nil
	}
	if s.cfg.Backend != nil {
		return errors.New("a server has either a Database or a Backend")
	}
	for _, name := range []string{storageFolder, "token.sqlite", "accounts.sqlite"} {
		if exists(filepath.Join(s.cfg.Dir, name)) {
			return fmt.Errorf("%s: %w", filepath.Join(s.cfg.Dir, name), ErrTwoStorages)
		}
	}
	return nil
}

// openDatabase opens the records in the configured database, and marks the data folder.
func (s *Server) openDatabase(ctx context.Context) error {
	records, err := postgres.Open(ctx, postgres.Config{Database: s.cfg.Database, Now: s.cfg.Now, Rand: s.cfg.Rand, Checks: checkStatements(), Telemetry: s.telemetry})
	if err != nil {
		return err
	}
	s.backend = records
	return os.WriteFile(filepath.Join(s.cfg.Dir, sqldb.Marker), nil, 0o600)
}

//go:embed migrations/*.sql
var migrations embed.FS

const (
	sqlSecret    = `SELECT value FROM server_secrets WHERE name = 'tokens'`
	sqlMoving    = `SELECT EXISTS (SELECT 1 FROM server_secrets WHERE name = 'moving')`
	sqlAddSecret = `INSERT INTO server_secrets (name, value) VALUES ('tokens', ?1)`
)

// Schema returns the migrations that make the table of what servers that share a database agree on.
func Schema() fs.FS {
	schema, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // it is part of the program
	}
	return schema
}

// ErrMoving means that a server is being moved to this place, and not all of it is there.
var ErrMoving = errors.New("a server is being moved here, and not all of it is here: run 'syncmanager server move' again, until it has ended")

// MovingMarker is the name of a file in a data folder that a server is being moved to.
const MovingMarker = "moving"

// sharedKeys returns the keys of all servers on the configured database, and makes their secret at
// the first use.
func (s *Server) sharedKeys(ctx context.Context) (_ keys, err error) {
	db, err := sqldb.OpenFew(ctx, s.cfg.Database, "server", Schema(), nil, nil)
	if err != nil {
		return keys{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var secret []byte
	err = db.Update(ctx, func(tx sqldb.Tx) error {
		var moving bool
		if err := tx.QueryRow(sqlMoving).Scan(&moving); err != nil {
			return err
		}
		if moving {
			return ErrMoving
		}
		err := tx.QueryRow(sqlSecret).Scan(&secret)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		secret = make([]byte, sha256.Size)
		if _, err := io.ReadFull(s.cfg.Rand, secret); err != nil {
			return err
		}
		_, err = tx.Exec(sqlAddSecret, secret)
		return err
	})
	if err != nil {
		return keys{}, fmt.Errorf("cannot read the servers' secret: %w", err)
	}
	return keysOf(secret)
}

// UsesDatabase reports whether the data folder dir belongs to a server whose data is in
// [Config.Database].
func UsesDatabase(dir string) bool { return exists(filepath.Join(dir, sqldb.Marker)) }

// ErrNoDatabase means that what was asked for needs a server whose data is in [Config.Database].
var ErrNoDatabase = errors.New("the server's data is not in a PostgreSQL database: 'server restore' does this for a backup of its files")

// RenewSyncIDs tells all devices that the database was restored to an earlier state: each then compares
// all its data with the server, and uploads what the server does not have. Until then a device would
// take what it uploaded since for what the server has. It returns how many users' devices will.
func (s *Server) RenewSyncIDs(ctx context.Context) (int, error) {
	records, ok := s.backend.(*postgres.Backend)
	if !ok {
		return 0, ErrNoDatabase
	}
	return records.RenewSyncIDs(ctx)
}

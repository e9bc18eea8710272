package takeover

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the migrations that make the tables.
func Schema() fs.FS {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // it is part of the program
	}
	return steps
}

// State remembers what was taken over. Without it, what devices write here could not be told from
// what an earlier run wrote.
type State struct{ db sqldb.DB }

// OpenState opens the state in the PostgreSQL database that database names, or if it is "" in
// takeover.sqlite in the folder dir.
func OpenState(ctx context.Context, database, dir string) (*State, error) {
	var db sqldb.DB
	var err error
	if database != "" {
		db, err = sqldb.OpenPostgres(ctx, database, "takeovers", Schema(), nil, nil)
	} else {
		db, err = sqldb.OpenSQLite(ctx, filepath.Join(dir, "takeover.sqlite"), "takeovers", Schema(), nil, nil)
	}
	if err != nil {
		return nil, err
	}
	return &State{db}, nil
}

// Close closes the state.
func (s *State) Close() error { return s.db.Close() }

// taken is what a run took of an account.
type taken struct {
	uid int64
	// source is the last-modified time of the storage there. modified is that of the storage here,
	// unless devices write here; then it is 0.
	source, modified bso.Timestamp
	hash             []byte
}

// find returns what was taken of an account, or nil.
func (s *State) find(ctx context.Context, account string) (*taken, error) {
	var t taken
	err := s.db.Read(ctx).QueryRow(sqlTaken, account).Scan(&t.uid, &t.source, &t.modified, &t.hash)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was taken over: %w", err)
	}
	return &t, nil
}

func (s *State) put(ctx context.Context, account string, t taken) error {
	err := s.db.Update(ctx, func(tx sqldb.Tx) error {
		_, err := tx.Exec(sqlTake, account, t.uid, int64(t.source), int64(t.modified), t.hash)
		return err
	})
	if err != nil {
		return fmt.Errorf("note what was taken over: %w", err)
	}
	return nil
}

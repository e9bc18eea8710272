// Package sqlstore keeps the accounts in an SQL database: a SQLite file, or PostgreSQL.
//
// Each statement is a constant next to the method that runs it, and a test looks
// at the plans of all of them.
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema holds the migrations that make the tables.
func Schema() fs.FS {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // it is part of the program
	}
	return steps
}

// Store is an open database.
type Store struct{ db sqldb.DB }

var _ store.Store = (*Store)(nil)

// New returns a Store in a database that has the tables of [Schema], and takes it over.
func New(db sqldb.DB) *Store { return &Store{db} }

//go:generate go run github.com/syncmanager/syncmanager/server/telemetry/statements

// part names the tables in a database, and in metrics.
const part = "accounts"

// OpenFile opens the SQLite file at path, and creates it if it does not exist. observer, which may
// be nil, observes the statements.
func OpenFile(ctx context.Context, path string, observer *telemetry.Observer) (*Store, error) {
	db, err := sqldb.OpenSQLite(ctx, path, part, Schema(), observer, statementNames)
	if err != nil {
		return nil, err
	}
	return New(db), nil
}

// OpenPostgres is [OpenFile] for the tables in a PostgreSQL database, whose connection string it takes.
func OpenPostgres(ctx context.Context, database string, observer *telemetry.Observer) (*Store, error) {
	db, err := sqldb.OpenPostgres(ctx, database, part, Schema(), observer, statementNames)
	if err != nil {
		return nil, err
	}
	return New(db), nil
}

// View implements [store.Store].
func (s *Store) View(ctx context.Context, f func(store.Reader) error) error {
	return s.db.View(ctx, func(t sqldb.Tx) error { return f(tx{t}) })
}

// sqlAccountRow is what all lock who change what belongs to an account.
const sqlAccountRow = `SELECT uid FROM accounts WHERE uid = ?1 OR email_key = ?1`

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, account string, f func(store.Tx) error) error {
	return s.db.Update(ctx, func(t sqldb.Tx) error {
		if account != "" {
			if err := t.Lock(sqlAccountRow, account); err != nil {
				return err
			}
		}
		return f(tx{t})
	})
}

// UpdateSoon implements [store.Store].
func (s *Store) UpdateSoon(ctx context.Context, f func(store.Tx) error) error {
	return s.db.UpdateSoon(ctx, func(t sqldb.Tx) error { return f(tx{t}) })
}

// Ping implements [store.Store].
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close implements [store.Store].
func (s *Store) Close() error { return s.db.Close() }

// Read implements [store.Store].
func (s *Store) Read(ctx context.Context) store.Reader { return tx{s.db.Read(ctx)} }

// tx implements [store.Tx], and [store.Reader] on a connection that cannot write.
type tx struct{ t sqldb.Tx }

// exec runs a statement.
func (t tx) exec(query string, args ...any) error {
	_, err := t.t.Exec(query, args...)
	return err
}

// changed runs a statement, and reports whether it changed a row.
func (t tx) changed(query string, args ...any) (bool, error) {
	n, err := t.t.Exec(query, args...)
	return n > 0, err
}

// get reads one row into to. The error is [store.ErrNotFound] if there is none.
func (t tx) get(to []any, query string, args ...any) error {
	err := t.t.QueryRow(query, args...).Scan(to...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return sqldb.Explain(err)
}

// value reads one value.
func value[T any](t tx, query string, args ...any) (v T, err error) {
	err = t.get([]any{&v}, query, args...)
	return v, err
}

// list reads all rows, each into what to says.
func list[T any](t tx, to func(*T) []any, query string, args ...any) ([]T, error) {
	rows, err := t.t.Query(query, args...)
	if err != nil {
		return nil, sqldb.Explain(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := rows.Scan(to(&v)...); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, sqldb.Explain(rows.Err())
}

// Package sqlite keeps the accounts in one SQLite file.
//
// Each statement is a constant next to the method that runs it, and a test looks
// at the plans of all of them.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema holds the migrations that make the file.
func Schema() fs.FS {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // it is part of the program
	}
	return steps
}

// Store is an open file.
type Store struct{ db *sqlite.DB }

var _ store.Store = (*Store)(nil)

// Open opens the file at path, and creates it if it does not exist.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{Migrations: Schema(), Durable: true})
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// View implements [store.Store].
func (s *Store) View(ctx context.Context, f func(store.Reader) error) error {
	return s.db.ViewCached(ctx, func(t *sqlite.Tx) error { return f(tx{t}) })
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, f func(store.Tx) error) error {
	return s.db.UpdateCached(ctx, func(t *sqlite.Tx) error { return f(tx{t}) })
}

// UpdateSoon implements [store.Store].
func (s *Store) UpdateSoon(ctx context.Context, f func(store.Tx) error) error {
	return s.db.UpdateSoon(ctx, func(t *sqlite.Tx) error { return f(tx{t}) })
}

// Ping implements [store.Store].
func (s *Store) Ping(ctx context.Context) error { return s.db.Probe(ctx) }

// Close implements [store.Store].
func (s *Store) Close() error { return s.db.Close() }

// Read implements [store.Store].
func (s *Store) Read(ctx context.Context) store.Reader { return tx{each{ctx, s.db}} }

// tx implements [store.Tx], and [store.Reader] on a connection that cannot write.
type tx struct{ t runner }

// runner runs statements, as a [sqlite.Tx] does.
type runner interface {
	Exec(query string, args ...any) (int64, error)
	Query(query string, args ...any) (*sql.Rows, error)
	QueryRow(query string, args ...any) *sql.Row
}

// each runs each statement by itself.
type each struct {
	ctx context.Context
	db  *sqlite.DB
}

func (e each) Exec(string, ...any) (int64, error) {
	return 0, errors.New("a write needs a transaction")
}

func (e each) Query(query string, args ...any) (*sql.Rows, error) {
	return e.db.Query(e.ctx, query, args...)
}

func (e each) QueryRow(query string, args ...any) *sql.Row {
	return e.db.QueryRow(e.ctx, query, args...)
}

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
	return sqlite.Explain(err)
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
		return nil, sqlite.Explain(err)
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
	return all, sqlite.Explain(rows.Err())
}

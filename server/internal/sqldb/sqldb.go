// Package sqldb is the SQL database of accounts or of tokens: a SQLite file, or a PostgreSQL
// database that several servers share. The statements and the schema are the same on both; [OpenPostgres]
// says how they are translated.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

// Marker is the name of a file in the data folder of a server that keeps its data in PostgreSQL.
const Marker = "data-is-in-postgresql"

// DB is an open database. Its methods may be called concurrently.
type DB interface {
	// View runs f on one state of the database. It waits for no writer.
	View(ctx context.Context, f func(Tx) error) error
	// Update runs f in a transaction, and commits when f returns nil: then the change is
	// on disk. Of what f read, that has not changed at the commit which f locked before it read:
	// see [Tx.Lock]. Updates of different things do not wait for each other where the database
	// can do that. An error of f rolls back, and is returned.
	//
	// If another Update was in the way, so that this one changed nothing, f is run again: what it
	// writes outside of the transaction must not depend on how often it ran.
	Update(ctx context.Context, f func(Tx) error) error
	// UpdateSoon is Update for frequent writes that matter little: the change may be lost if
	// the machine loses power before the next Update returns.
	UpdateSoon(ctx context.Context, f func(Tx) error) error
	// Read runs each statement by itself. It cannot write.
	Read(ctx context.Context) Tx
	// TryLock makes the caller the only one of all processes on the database that has a lock of that name, until it
	// calls unlock, or its process ends. If another has it, unlock is nil.
	TryLock(ctx context.Context, name string) (unlock func(), err error)
	// Ping reports whether the database can be read and written.
	Ping(ctx context.Context) error
	// Close closes the database. What was committed stays.
	Close() error
}

// Tx runs statements. A statement is best a constant: it stays prepared.
type Tx interface {
	// Exec runs a statement that returns no rows, and returns how many it changed.
	Exec(query string, args ...any) (int64, error)
	Query(query string, args ...any) (*sql.Rows, error)
	QueryRow(query string, args ...any) *sql.Row
	// Lock keeps the rows of a SELECT from change by others until the transaction ends, and waits
	// for the Updates that hold them. All who change what belongs together lock the same row first.
	Lock(query string, args ...any) error
}

// sqliteDB is a DB in a file.
type sqliteDB struct{ *sqlite.DB }

// OpenSQLite opens the file at path, and creates it if it does not exist. schema holds its
// migrations. observer, if set, observes the statements of the part; named has their names.
func OpenSQLite(ctx context.Context, path, part string, schema fs.FS, observer *telemetry.Observer, named []telemetry.Named) (DB, error) {
	observed := observer.Part(part, named)
	o := sqlite.Options{Migrations: schema, Durable: true}
	if observed != nil {
		o.Observer = observed
	}
	db, err := sqlite.Open(ctx, path, o)
	if err != nil {
		return nil, err
	}
	observed.Pool("", func() telemetry.Connections { return connections(db.Stats()) })
	observed.Pool("_writer", func() telemetry.Connections { return connections(db.WriterStats()) })
	return sqliteDB{db}, nil
}

// connections returns the figures of a pool.
func connections(s sql.DBStats) telemetry.Connections {
	return telemetry.Connections{Used: s.InUse, Idle: s.Idle, Most: s.MaxOpenConnections, Waits: s.WaitCount, Waited: s.WaitDuration}
}

func (db sqliteDB) View(ctx context.Context, f func(Tx) error) error {
	return db.ViewCached(ctx, func(t *sqlite.Tx) error { return f(sqliteTx{t}) })
}

func (db sqliteDB) Update(ctx context.Context, f func(Tx) error) error {
	return db.UpdateCached(ctx, func(t *sqlite.Tx) error { return f(sqliteTx{t}) })
}

func (db sqliteDB) UpdateSoon(ctx context.Context, f func(Tx) error) error {
	return db.DB.UpdateSoon(ctx, func(t *sqlite.Tx) error { return f(sqliteTx{t}) })
}

// sqliteTx is a Tx in a transaction.
type sqliteTx struct{ *sqlite.Tx }

// Lock implements [Tx]: a file has one writer at a time.
func (sqliteTx) Lock(string, ...any) error { return nil }

func (db sqliteDB) Read(ctx context.Context) Tx { return sqliteRead{ctx, db.DB} }

// TryLock implements [DB]: a file has one process, whose callers take turns themselves.
func (sqliteDB) TryLock(context.Context, string) (unlock func(), err error) { return func() {}, nil }

func (db sqliteDB) Ping(ctx context.Context) error { return db.Probe(ctx) }

// sqliteRead is a Tx that runs each statement by itself, and keeps it prepared.
type sqliteRead struct {
	ctx context.Context
	db  *sqlite.DB
}

func (r sqliteRead) Exec(string, ...any) (int64, error) { return 0, errReadOnly }

func (r sqliteRead) Lock(string, ...any) error { return errReadOnly }

func (r sqliteRead) Query(query string, args ...any) (*sql.Rows, error) {
	return r.db.Query(r.ctx, query, args...)
}

func (r sqliteRead) QueryRow(query string, args ...any) *sql.Row {
	return r.db.QueryRow(r.ctx, query, args...)
}

// errReadOnly is the error of a write outside of a transaction.
var errReadOnly = errors.New("a write needs a transaction")

// Explain adds to an error of a statement what it means for the user, where SQLite knows.
func Explain(err error) error { return sqlite.Explain(err) }

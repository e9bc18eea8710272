// Package sqlite opens the SQLite files of the module. It provides one writer and a pool of
// readers that cannot write, creates files with mode 0600, runs migrations, and turns
// SQLite's errors into sentences that a user understands.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrNewer means that a newer version of the program wrote the file. The file was not
	// changed.
	ErrNewer = errors.New("it was written by a newer version of this program; update the program")
	// ErrOlder means that the version of the program that wrote the file is older than the
	// first migration. The file was not changed.
	ErrOlder = errors.New("it was written by a version of this program before its first release; export its data with that version, and move it away")
	// ErrCorrupt means that the file is damaged or not a database. The file was not changed.
	ErrCorrupt = errors.New("it is damaged or not a database; restore it from a backup, or move it away and sync again")
	// ErrFull means that the disk is full, or the file reached [Options.MaxPages]. Earlier
	// commits are not affected.
	ErrFull = errors.New("the disk is full; free some space and try again")
	// ErrBusy means that another process or connection held the file's write lock for longer
	// than [Options.BusyTimeout]. Nothing was written.
	ErrBusy = errors.New("another program is writing to it; try again")
	// ErrReadOnly means that the file cannot be written. Nothing was written.
	ErrReadOnly = errors.New("it cannot be written; check the permissions of the file and its folder")
	// ErrDisk means that the system could not read or write the file.
	ErrDisk = errors.New("the disk could not read or write it; check the disk and the permissions of the folder")
	// ErrFailed is any other failure of SQLite, which no user's input should cause.
	ErrFailed = errors.New("the database failed")
)

// sentences are the errors that [Explain] returns.
var sentences = []error{ErrFull, ErrCorrupt, ErrBusy, ErrReadOnly, ErrDisk, ErrFailed}

// Options configure [Open].
type Options struct {
	// Migrations has an SQL script for each version of the schema in its root folder, named
	// like "0001_start.sql". The first script creates the schema of a new file, whatever its
	// number. The part after a line "-- +goose Down" is ignored, as the scripts are in
	// goose's format.
	Migrations fs.FS
	// Durable makes each commit wait for the disk, so that it survives a power failure.
	// Without it, a commit survives a killed process, which is enough for data that can be
	// downloaded again.
	Durable bool
	// Readers is the maximum number of readers; 0 means 4.
	Readers int
	// MaxPages bounds the file's number of pages; 0 means no bound. It bounds a user's file
	// on a server, and simulates a full disk in tests.
	MaxPages int
	// CachePages is how many pages of 4 KiB a connection keeps in memory; 0 means 500. The
	// system keeps the file's pages too, so that few are enough.
	CachePages int
	// BusyTimeout is how long a statement waits for a lock that another process
	// holds; 0 means ten seconds.
	BusyTimeout time.Duration
	// Observer, if set, is told of the statements whose transactions keep them prepared.
	Observer Observer
}

// Observer is told how long statements take.
type Observer interface {
	// Now is the clock.
	Now() time.Time
	// Observe notes a statement that ended now; of a query, with its first row. "commit" is the
	// end of a transaction, with the wait for the disk.
	Observe(ctx context.Context, query string, began time.Time, err error)
}

// DB is an open file. It is safe for concurrent use.
type DB struct {
	path    string
	durable bool
	// observer may be nil.
	observer Observer
	write    *sql.DB
	read     *sql.DB

	writeStatements, readStatements statements
}

// Open opens the file at path, and creates it with mode 0600 if it does not exist. Its folder
// must exist.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	db, err := open(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, Explain(err))
	}
	return db, nil
}

func open(ctx context.Context, path string, o Options) (_ *DB, err error) {
	if err := create(path); err != nil {
		return nil, err
	}
	db := &DB{path: path, durable: o.Durable, observer: o.Observer}
	defer func() {
		if err != nil {
			_ = db.Close()
		}
	}()
	sync := "NORMAL"
	if o.Durable {
		sync = "FULL"
	}
	wait := o.BusyTimeout
	if wait == 0 {
		wait = 10 * time.Second
	}
	pragmas := []string{fmt.Sprintf("busy_timeout(%d)", wait.Milliseconds()), "foreign_keys(1)", "trusted_schema(0)"}
	if o.CachePages > 0 {
		pragmas = append(pragmas, "cache_size("+strconv.Itoa(o.CachePages)+")")
	}
	pragmas = slices.Clip(pragmas)
	writing := append(pragmas, "journal_mode(WAL)", "synchronous("+sync+")", "journal_size_limit(16777216)")
	if o.MaxPages > 0 {
		writing = append(writing, "max_page_count("+strconv.Itoa(o.MaxPages)+")")
	}
	if db.write, err = sql.Open(Driver, dsn(path, "immediate", writing)); err != nil {
		return nil, err
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = sql.Open(Driver, dsn(path, "deferred", append(pragmas, "query_only(1)"))); err != nil {
		return nil, err
	}
	readers := o.Readers
	if readers == 0 {
		readers = 4
	}
	db.read.SetMaxOpenConns(readers)
	db.read.SetMaxIdleConns(readers)
	return db, patiently(ctx, wait, func() error { return migrate(ctx, db.read, db.write, o.Migrations) })
}

// patiently runs f again while the file is locked, for about as long as wait. SQLite waits by
// itself, except when two processes open a new file at once and both create its journal.
func patiently(ctx context.Context, wait time.Duration, f func() error) error {
	patience, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		err := f()
		if !errors.Is(Explain(err), ErrBusy) {
			return err
		}
		select {
		case <-patience.Done():
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func dsn(path, lock string, pragmas []string) string {
	q := url.Values{"_txlock": {lock}, "_pragma": pragmas}
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	return (&url.URL{Scheme: "file", Path: absolute(path), RawQuery: q.Encode()}).String()
}

// absolute returns a path as a URL has it.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // on Windows, or where there is no working folder
		path = "/" + path
	}
	return path
}

// Path returns the file's path.
func (db *DB) Path() string { return db.path }

// Update runs f in the one write transaction that the file can have, and
// commits when f returns nil. f must not call Update or Read. A panic of f rolls back and
// goes on to the caller.
func (db *DB) Update(ctx context.Context, f func(*sql.Tx) error) error {
	return inTx(ctx, db.observer, db.write, f)
}

// View runs f in a read transaction, which sees one state of the file and blocks no other.
func (db *DB) View(ctx context.Context, f func(*sql.Tx) error) error {
	return inTx(ctx, db.observer, db.read, f)
}

// Read returns the pool of readers, for single queries.
func (db *DB) Read() *sql.DB { return db.read }

// Stats returns the figures of the pool of readers.
func (db *DB) Stats() sql.DBStats { return db.read.Stats() }

// WriterStats returns the figures of the writer's pool.
func (db *DB) WriterStats() sql.DBStats { return db.write.Stats() }

// beginner is a pool or a single connection.
type beginner interface {
	BeginTx(ctx context.Context, o *sql.TxOptions) (*sql.Tx, error)
}

func inTx(ctx context.Context, o Observer, pool beginner, f func(*sql.Tx) error) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return Explain(err)
	}
	returned := false
	defer func() {
		if !returned { // f panicked: the next transaction must not wait for this one
			_ = tx.Rollback()
		}
	}()
	err = f(tx)
	if returned = true; err != nil {
		_ = tx.Rollback()
	} else {
		err = observed(ctx, o, "commit", tx.Commit)
	}
	// When the context ends, another goroutine rolls the transaction back, and the error of f
	// ("statement is closed") hides the cause.
	if ended := ctx.Err(); ended != nil && err != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, Explain(err))
	}
	return Explain(err)
}

// Close closes the file.
func (db *DB) Close() error {
	errs := []error{db.readStatements.close(), db.writeStatements.close()}
	for _, pool := range []*sql.DB{db.read, db.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Primary result codes of SQLite; see https://sqlite.org/rescode.html.
const (
	codeBusy     = 5
	codeReadOnly = 8
	codeIOErr    = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26
)

// Explain converts errors of SQLite and database/sql to [ErrFull], [ErrCorrupt], [ErrBusy],
// [ErrReadOnly], [ErrDisk], [fs.ErrClosed] if the file was closed, or else [ErrFailed], and
// wraps the original error. It returns any other error unchanged.
func Explain(err error) error {
	if err == nil || slices.ContainsFunc(sentences, func(known error) bool { return errors.Is(err, known) }) {
		return err
	}
	if err.Error() == poolClosed {
		return wrap(fs.ErrClosed, err)
	}
	code, ok := codeOf(err)
	if !ok {
		return err
	}
	switch code {
	case codeFull:
		return wrap(ErrFull, err)
	case codeCorrupt, codeNotADB:
		return wrap(ErrCorrupt, err)
	case codeBusy:
		return wrap(ErrBusy, err)
	case codeReadOnly:
		return wrap(ErrReadOnly, err)
	case codeIOErr, codeCantOpen:
		return wrap(ErrDisk, err)
	}
	return fmt.Errorf("%w: %w", ErrFailed, err)
}

// poolClosed is the text of database/sql's error, which has no name, for a use after Close.
const poolClosed = "sql: database is closed"

// explained prints as the sentence, and unwraps to both the sentence and SQLite's error.
type explained struct{ sentence, cause error }

func wrap(sentence, cause error) error {
	if errors.Is(cause, sentence) {
		return cause
	}
	return &explained{sentence, cause}
}

func (e *explained) Error() string   { return e.sentence.Error() }
func (e *explained) Unwrap() []error { return []error{e.sentence, e.cause} }

// Package places is the one SQLite file that bookmarks and history share: the
// pages that the user visited or bookmarked, their visits, their origins, their frecency,
// and the search over all of them.
//
// # Who owns what
//
// A place is a URL. It stays for as long as it has a visit or a bookmark:
// [Tx.Release] removes it after the last. History owns its visits and its sync
// state, bookmarks what [Tx.SetBookmarked] says of it. Both are written in the
// transaction of the edit itself, and so are frecency and the search.
//
// # Frecency
//
// How frequently and how recently a page was used, in one number: each of its last
// visits is worth some points at first (see points) and half of that after every
// 30 days, as in the frecency that Firefox has had since 2025. All scores halve
// alike, so their order changes with visits alone. What is stored is not the score but
// the time at which it will have decayed to one point, in Unix seconds: nothing needs to
// be recalculated as time goes by.
//
// # Search
//
// See [DB.Search].
package places

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Config says where the places are and what they run on. Path must be set, and Key must
// not: the file is not encrypted.
type Config = engine.StoreConfig

// DB is the open file. It is safe for concurrent use.
type DB struct {
	file *sqlite.DB
	now  func() time.Time
	rand io.Reader
	log  *slog.Logger
}

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the places in c.Path. Other openers of the file wait for each other as SQLite
// does.
func Open(ctx context.Context, c Config) (*DB, error) {
	switch {
	case c.Path == "":
		return nil, errors.New("places: the configuration needs Path")
	case c.Key != [32]byte{}:
		return nil, errors.New("places: the file of bookmarks and history is not encrypted; leave Key out")
	}
	c = c.WithDefaults()
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, c.Path, sqlite.Options{Migrations: folder})
	if err != nil {
		return nil, fmt.Errorf("places: %w", err)
	}
	return &DB{file: db, now: c.Now, rand: c.Rand, log: c.Log}, nil
}

// ErrNotOpened means that an engine was given something else than an open file of places.
var ErrNotOpened = errors.New("the file must be one that placesfile.Open returned")

// Of returns the open file that an app holds as what placesfile.Open returned, or
// [ErrNotOpened].
func Of(file any) (*DB, error) {
	if f, ok := file.(interface{ Places() *DB }); ok {
		return f.Places(), nil
	}
	return nil, ErrNotOpened
}

// Places returns the file itself; see [Of].
func (d *DB) Places() *DB { return d }

// mergedPages bounds the pages of the index by words that Maintain merges at a time.
const mergedPages = 1000

// Maintain gives the disk back what the file does not use, where that is worth it, and returns
// how many bytes that is. It first brings the index by words and the statistics of the query
// planner up to date, a bounded part at a time.
func (d *DB) Maintain(ctx context.Context) (freed int64, err error) {
	err = d.file.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(sqlMergeIndex, mergedPages)
		return err
	})
	if err == nil {
		err = d.file.Optimize(ctx)
	}
	var before, after int64
	if err == nil {
		before, after, err = d.file.Compact(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot maintain the file of bookmarks and history: %w", sqlite.Explain(err))
	}
	return max(before-after, 0), nil
}

// Close closes the file.
func (d *DB) Close() error { return d.file.Close() }

// Now is the clock's time.
func (d *DB) Now() time.Time { return d.now() }

// Log is the logger of what was skipped.
func (d *DB) Log() *slog.Logger { return d.log }

// Tx is a transaction on the places. Its embedded statements stay prepared.
type Tx struct {
	*sqlite.Tx
	db      *DB
	origins map[string]int64 // those met in this transaction
	words   map[int64]wording
}

// Update runs f in the one write transaction that the file can have, and
// commits when f returns nil. f must not call Update or View.
func (d *DB) Update(ctx context.Context, f func(*Tx) error) error {
	return d.file.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		t := &Tx{Tx: tx, db: d}
		if err := f(t); err != nil {
			return err
		}
		return t.tellSearch()
	})
}

// View runs f in a read transaction: it sees one state of the file throughout,
// and writers do not wait for it.
func (d *DB) View(ctx context.Context, f func(*Tx) error) error {
	return d.file.ViewCached(ctx, func(tx *sqlite.Tx) error { return f(&Tx{Tx: tx, db: d}) })
}

// Query runs a statement outside of a transaction, and keeps it prepared.
func (d *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return d.file.Query(ctx, query, args...)
}

// QueryRow is Query for a statement that returns at most one row.
func (d *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return d.file.QueryRow(ctx, query, args...)
}

// Read is the pool of readers, for a query outside of a transaction.
func (d *DB) Read() *sql.DB { return d.file.Read() }

// File is the file's statements without the places.
func (d *DB) File() *sqlite.DB { return d.file }

// Now is the clock's time.
func (t *Tx) Now() time.Time { return t.db.now() }

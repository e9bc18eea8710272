// Package history is the engine of the collection "history": the pages that the
// user visited, and when and how.
//
// It shares its file with package bookmarks: both know a page by its URL. See package
// placesfile.
//
// # What is synced
//
// As Firefox does it: a record is a page with its title and its last 20 visits; it
// stays on the server for 60 days. A sync sends 5,000 records at most, those with
// most frecency first, and the rest with the syncs after it. A first sync sends what
// was visited in the last 30 days. Pages of this device's files, pages that were
// seen only inside others or on the way to them, and pages that only were downloads stay here.
// So does what records have no fields for: the referrer of a visit, whether it was a redirect,
// failed or came with a sync (see [Visit]), the image of a page, and how pages were used.
//
// Everything that the server has is downloaded. Firefox asks for 5,000 records at a time to
// save memory; this engine has the records in its file, not in memory.
//
// # How it merges
//
// Visits are a set: the merged page has those of both sides. Two visits of a page are the
// same if their time and transition are. The title is that of the side that changed it; if
// both did, that of the newer record, or of the side that engine.Start.Prefer names. That
// decides nothing else. Unknown fields go back as they came.
//
// A page that was deleted on one side and changed on the other stays. A visit that
// is deleted here while others of its page remain does not come back here, but other
// devices keep it: the protocol cannot express such a deletion.
//
// A sync that would delete more than 20 pages and more than half of all fails with
// [engine.TooManyDeletionsError] until the user confirms it. The limit is higher than for
// bookmarks, as clearing last week's history on another device is common.
package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	collection = "history"
	version    = 1

	// maxOutgoing bounds the records that one sync sends.
	maxOutgoing = 5000
	// maxVisits bounds the visits in a record that goes up.
	maxVisits = 20
	// ttl is how long the server keeps a record, in seconds: 60 days.
	ttl = 5_184_000
	// backfill is how far back a first sync sends.
	backfill = 30 * 24 * time.Hour
)

// Config says where the history is and what the engine runs on. Path must be set. The file
// is not encrypted, so Key must not be.
type Config = engine.StoreConfig

// Engine is the user's history on this device. It is safe for concurrent use.
type Engine struct {
	engine.ChangeNotifier
	watchers engine.Watchers
	db       *places.DB
	ledger   *ledger.Ledger
	own      io.Closer // the file, if the engine opened it
	chunk    int       // how many records one transaction takes at most
}

var (
	_ engine.Engine   = (*Engine)(nil)
	_ engine.Watcher  = (*Engine)(nil)
	_ engine.Notifier = (*Engine)(nil)
	_ engine.Counter  = (*Engine)(nil)
	_ engine.Troubled = (*Engine)(nil)
	_ engine.Clearer  = (*Engine)(nil)
)

// Open opens the history in c.Path, for an app that has no bookmarks: else see [New].
func Open(ctx context.Context, c Config) (*Engine, error) {
	file, err := placesfile.Open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	e, err := New(ctx, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	e.own = file
	return e, nil
}

// New returns the history in an open file, which bookmarks may be in too. The file stays
// open when the engine is closed.
func New(_ context.Context, file placesfile.File) (*Engine, error) {
	db, err := places.Of(file)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	e := &Engine{db: db, chunk: chunkSize}
	e.setBatch(batchSize)
	return e, nil
}

// setBatch makes n the number of records that one transaction of a sync takes at most.
func (e *Engine) setBatch(n int) {
	e.ledger = ledger.New(e.db.File(), ledger.Config{
		Collection: "the history", Prefix: "history_", Store: collection, Outgoing: []string{"sortindex"}, Chunk: n,
	})
}

// batchSize is for records, which take little time if they are new here, and end a transaction
// early if they are not.
const batchSize = 1000

// chunkSize keeps a transaction below some 50 ms: the app's edits wait for it.
const chunkSize = 250

// Watch yields what changes from now on, by the user or by a sync, so that a window can
// show it. The IDs are those of pages. It delays neither edits nor syncs: what happens while
// the loop is busy comes as one [engine.Change]. It ends with ctx, with Close, or when the
// loop is left, and serves one loop.
func (e *Engine) Watch(ctx context.Context) iter.Seq[engine.Change] { return e.watchers.Watch(ctx) }

// Close closes the file, if Open opened it, and ends all that watch.
func (e *Engine) Close() error {
	e.watchers.Close()
	if e.own == nil {
		return nil
	}
	return e.own.Close()
}

// Collection is "history".
func (e *Engine) Collection() string { return collection }

// Version is the storage version, 1.
func (e *Engine) Version() int { return version }

// Association returns the sync IDs that the engine last synced with.
func (e *Engine) Association(ctx context.Context) (engine.Association, error) {
	return e.ledger.Association(ctx)
}

// Changes counts the pages whose changes and deletions the next sync will send.
func (e *Engine) Changes(ctx context.Context) (n int, err error) {
	err = e.view(ctx, func(tx *tx) error {
		var pages, gone int
		if err := tx.QueryRow(sqlCountChanged).Scan(&pages); err != nil {
			return err
		}
		err := tx.QueryRow(sqlCountGone).Scan(&gone)
		n = pages + gone
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot count the changes of the history: %w", err)
	}
	return n, nil
}

// Count is the number of pages that List shows.
func (e *Engine) Count(ctx context.Context) (n int, err error) {
	err = e.view(ctx, func(tx *tx) error { return tx.QueryRow(sqlCount).Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("cannot count the history: %w", err)
	}
	return n, nil
}

// tx is a transaction on the history.
type tx struct {
	*places.Tx
	// changed are the pages that the user sees otherwise afterwards.
	changed []engine.ID
}

// update runs f as a part of a sync, or as what does not change what the user sees.
func (e *Engine) update(ctx context.Context, f func(*tx) error) error { return e.change(ctx, false, f) }

// edit runs f as what the user does.
func (e *Engine) edit(ctx context.Context, f func(*tx) error) error {
	err := e.change(ctx, true, f)
	if err == nil {
		e.Notify()
	}
	return err
}

func (e *Engine) change(ctx context.Context, user bool, f func(*tx) error) error {
	var last *tx
	err := e.db.Update(ctx, func(t *places.Tx) error {
		last = &tx{Tx: t}
		return f(last)
	})
	if err == nil && len(last.changed) > 0 {
		e.watchers.Tell(engine.Change{User: user, Sync: !user, IDs: last.changed})
	}
	return sqlite.Explain(err)
}

func (e *Engine) view(ctx context.Context, f func(*tx) error) error {
	return sqlite.Explain(e.db.View(ctx, func(t *places.Tx) error { return f(&tx{Tx: t}) }))
}

// number scans the one number that a query has.
func (e *Engine) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = e.view(ctx, func(tx *tx) error { return tx.QueryRow(query, args...).Scan(&n) })
	return n, err
}

// chunks runs f over the numbers up to what the query last says, a chunk per
// transaction: from is not in the chunk, to is.
func (e *Engine) chunks(ctx context.Context, last string, f func(tx *tx, from, to int64) error) error {
	end, err := e.number(ctx, last)
	for at := int64(0); at < end && err == nil; at += int64(e.chunk) {
		err = e.update(ctx, func(tx *tx) error { return f(tx, at, at+int64(e.chunk)) })
	}
	return err
}

// errNotFound means that the history has no such page.
var errNotFound = &engine.NotFoundError{Reason: errors.New("no such page in the history")}

// invalid refuses a page or visit that cannot be one.
func invalid(format string, args ...any) error {
	return &engine.InvalidError{Reason: fmt.Errorf("not a valid visit: "+format, args...)}
}

// Package bookmarks is the engine of the collection "bookmarks": the user's tree
// of bookmarks, queries, folders and separators, with tags and keywords, in the file
// that it shares with history.
//
// # What is kept
//
// The file has the user's tree, the mirror, which is what the server has as far as this
// device knows, and the records of the running sync. An item with a change counter above 0
// waits to go up. A folder that gained, lost or reordered children has changed too, as its
// record lists them.
//
// # How a sync merges
//
// A change that touches nothing which the user changed, and that agrees with the tree
// around it, is applied as it is: the work grows with the change. Everything else
// goes through package tree, which merges two trees: what is around the changes on either
// side, where that is enough, or else both trees whole, from one state of the file. The user
// can edit meanwhile; then the merge begins again. Many new items are added a few thousand at
// a time, so that edits do not wait for a first sync.
//
// A first sync usually merges nothing: the server has no bookmarks yet, or this device has none
// and the records agree with each other. Then neither tree is read into memory.
//
// # What can be taken back
//
// Before a sync changes items, their state is recorded. [Engine.Log] lists the syncs, and
// [Engine.Undo] reverts the changes of one as an edit of the user's, which goes up with the
// next sync. What was edited since stays.
package bookmarks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync/atomic"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/internal/ledger"
)

// Config says where the bookmarks are and what the engine runs on. Path must be set. The file
// is not encrypted, so Key must not be.
type Config = engine.StoreConfig

// Engine is the user's bookmarks on this device. It is safe for concurrent use.
type Engine struct {
	engine.ChangeNotifier
	watchers engine.Watchers
	db       *places.DB
	ledger   *ledger.Ledger
	log      *slog.Logger
	own      io.Closer // the file, if the engine opened it
	// wholeMerges and partialMerges count plans of merges, and itemsRead the items that those
	// of a part of the trees read.
	wholeMerges, partialMerges, itemsRead atomic.Int64
	// firstTry is the first way of merging that is tried; tests compare them.
	firstTry mergeWay
	atOnce   int // how many new items one transaction of a sync adds to the tree at most
}

var (
	_ engine.Engine   = (*Engine)(nil)
	_ engine.Watcher  = (*Engine)(nil)
	_ engine.Notifier = (*Engine)(nil)
	_ engine.Counter  = (*Engine)(nil)
	_ engine.Troubled = (*Engine)(nil)
	_ engine.Clearer  = (*Engine)(nil)
)

// Open opens the bookmarks in c.Path, for an app that has no history: else see [New].
func Open(ctx context.Context, c Config) (*Engine, error) {
	file, err := placesfile.Open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("bookmarks: %w", err)
	}
	e, err := New(ctx, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	e.own = file
	return e, nil
}

// New returns the bookmarks in an open file, which history may be in too. The file stays
// open when the engine is closed.
func New(ctx context.Context, file placesfile.File) (*Engine, error) {
	db, err := places.Of(file)
	if err != nil {
		return nil, fmt.Errorf("bookmarks: %w", err)
	}
	e := &Engine{db: db, log: db.Log(), atOnce: maxAtOnce}
	e.ledger = ledger.New(db.File(), ledger.Config{
		Collection: collection, Prefix: "bookmark_", Store: collection,
		Staged: []string{"parent", "kind"}, Outgoing: []string{"sortindex"}, Chunk: chunkSize, Local: localID, Wire: WireID,
	})
	if err := e.makeRoots(ctx); err != nil {
		return nil, fmt.Errorf("bookmarks: %w", err)
	}
	return e, nil
}

// Watch yields what changes from now on, by the user or by a sync, so that a window can
// show it. The IDs are those of items; that of a folder is among them when what is in it or
// its order changed. It delays neither edits nor syncs: what happens while the loop is busy
// comes as one [engine.Change]. It ends with ctx, with Close, or when the loop is left, and
// serves one loop.
func (e *Engine) Watch(ctx context.Context) iter.Seq[engine.Change] { return e.watchers.Watch(ctx) }

// Close closes the file, if Open opened it, and ends all that watch.
func (e *Engine) Close() error {
	e.watchers.Close()
	if e.own == nil {
		return nil
	}
	return e.own.Close()
}

// Collection is "bookmarks".
func (e *Engine) Collection() string { return collection }

const collection = "bookmarks"

// Version is the storage version, 2: the one in which folders list their children.
func (e *Engine) Version() int { return 2 }

func (e *Engine) makeRoots(ctx context.Context) error {
	var have int
	if err := e.db.QueryRow(ctx, sqlCountRoots, guidList(allRoots())).Scan(&have); err != nil {
		return err
	}
	if have == len(wireIDs) {
		return nil
	}
	return e.db.Update(ctx, func(tx *places.Tx) error {
		now := tx.Now().UnixMilli()
		for i, guid := range allRoots() {
			title := string(WireID(guid))
			if guid == Root {
				title = ""
			}
			if _, err := tx.Exec(sqlMakeRoot, guid, Root, max(i-1, 0), Folder, title, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// allRoots are the five, the one that holds the others first.
func allRoots() []engine.ID { return append([]engine.ID{Root}, roots[:]...) }

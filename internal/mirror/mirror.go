// Package mirror is the three-way record store of every flat engine: one SQLite
// file that holds the user's records, what the server last had of each, and the
// state of the sync between the two.
//
// An engine gives a [Schema] of its records and gets a [Store] from [Open], which has the
// rest of package engine's contract. What is merged is raw JSON, because fields that this
// program does not know are merged and sent back like all others.
//
// A record's three sides:
//
//	mirror  what the server last had
//	local   what the user sees; it counts the changes that are not on the server
//	staged  what this sync brought
//
// Nothing is held between calls, and no transaction spans more than a few
// hundred records, so that an app's edit never waits long for a sync.
package mirror

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"sync/atomic"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Store is an open store of records of type R: all of package engine's contract, and what
// the user does with the records. It is safe for concurrent use.
type Store[R any] struct {
	engine.ChangeNotifier
	schema   Schema[R]
	fields   fieldRules
	written  fieldSet // Schema.Fields
	lists    bool     // there are lists among them
	now      func() time.Time
	random   io.Reader
	keys     atomic.Pointer[keys]
	db       *sqlite.DB
	ledger   *ledger.Ledger
	watchers engine.Watchers
	chunk    int // how many records one transaction of a sync takes at most
}

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the store at c.Path, and creates it when it is not there. A file whose key is
// lost is set aside if c.KeyLost says so.
func Open[R any](ctx context.Context, schema Schema[R], c engine.StoreConfig) (*Store[R], error) {
	if c.Path == "" {
		return nil, fmt.Errorf("%s: the configuration needs Path", schema.Collection)
	}
	c = c.WithDefaults()
	s, err := open(ctx, schema, c, 0)
	if errors.Is(err, engine.ErrKey) && c.KeyLost != nil {
		s, err = startOver(ctx, schema, c, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", schema.Collection, err)
	}
	return s, nil
}

// open is Open of a file of at most so many pages; 0: of any size.
func open[R any](ctx context.Context, schema Schema[R], c engine.StoreConfig, maxPages int) (*Store[R], error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	s := newStore(schema, c)
	if s.db, err = sqlite.Open(ctx, c.Path, sqlite.Options{Migrations: files, MaxPages: maxPages}); err != nil {
		return nil, err
	}
	s.setChunk(chunkSize)
	of, err := s.claim(ctx)
	if err == nil {
		err = s.checkKey(ctx, of.canary)
	}
	if err == nil {
		err = s.indexAll(ctx, of.lookups)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open %s: %w", c.Path, err), s.db.Close())
	}
	return s, nil
}

// newStore is a store without a file.
func newStore[R any](schema Schema[R], c engine.StoreConfig) *Store[R] {
	if schema.NewID == nil {
		schema.NewID = engine.NewID
	}
	s := &Store[R]{
		schema: schema, written: newFieldSet(schema.Fields), now: c.Now, random: c.Rand,
		fields: newFieldRules(schema.Nested, schema.Sets, schema.Sticky, schema.Required, schema.Resolve),
	}
	s.lists = s.written.lists()
	s.keys.Store(newKeys(schema.Collection, c.Key, c.Rand))
	return s
}

// meta is what opening a file reads of the table meta.
type meta struct {
	collection string
	canary     []byte
	lookups    int
}

// claim writes the collection's name into a new file and checks it in an old
// one: two engines on one file would each delete the other's records.
func (s *Store[R]) claim(ctx context.Context) (of meta, err error) {
	read := func() error { return s.db.QueryRow(ctx, sqlMeta).Scan(&of.collection, &of.canary, &of.lookups) }
	if err = read(); errors.Is(err, sql.ErrNoRows) {
		if err = s.update(ctx, s.initialize); err != nil {
			return of, err
		}
		err = read()
	}
	if err != nil {
		return of, sqlite.Explain(err)
	}
	if of.collection != s.schema.Collection {
		return of, fmt.Errorf("it holds the collection %q, not %q", of.collection, s.schema.Collection)
	}
	return of, nil
}

// initialize fills in a new file, with what its copies have to share.
func (s *Store[R]) initialize(tx *Tx[R]) error {
	canary, err := s.canary()
	if err != nil {
		return err
	}
	if _, err := tx.exec(sqlInitMeta, s.schema.Collection, canary); err != nil || !s.schema.Fork {
		return err
	}
	_, err = tx.forkSecret()
	return err
}

// Close closes the file, and ends all that watch.
func (s *Store[R]) Close() error {
	s.watchers.Close()
	return s.db.Close()
}

// Collection is the collection's name on the server.
func (s *Store[R]) Collection() string { return s.schema.Collection }

// Version is the storage version of the records.
func (s *Store[R]) Version() int { return s.schema.Version }

// Association tells which sync IDs the store last synced with.
func (s *Store[R]) Association(ctx context.Context) (engine.Association, error) {
	return s.ledger.Association(ctx)
}

// Reset forgets the sync state and keeps the user's data. A deletion that is
// not on the server yet is kept too, as it is the user's. What the server had of each
// record is kept as its past: where the next storage has the record as well, that is
// what both sides' changes are told by. So is the last snapshot: where a server has one
// of its payloads to the byte, that payload is what the user's later edits were made on.
func (s *Store[R]) Reset(ctx context.Context, a engine.Association) error {
	err := s.leave(ctx, a)
	if err == nil {
		err = s.forget(ctx, sqlForget)
	}
	if err == nil {
		err = s.update(ctx, func(tx *Tx[R]) error { return s.ledger.Associate(tx.sql, a) })
	}
	if err != nil {
		return fmt.Errorf("cannot reset %s: %w", s.schema.Collection, err)
	}
	return nil
}

// Wipe forgets the user's data, what was noted, the log of what syncs did, and all sync state.
func (s *Store[R]) Wipe(ctx context.Context) error {
	err := s.forget(ctx, sqlDropSet)
	if err == nil {
		err = s.ledger.ForgetTombstones(ctx)
	}
	if err == nil {
		err = s.ledger.DropOutgoing(ctx)
	}
	if err == nil {
		err = s.update(ctx, func(tx *Tx[R]) error {
			if _, err := tx.exec(sqlPruneTo, int64(math.MaxInt64)); err != nil {
				return err
			}
			return tx.ForgetNoted()
		})
	}
	if err == nil {
		s.tell(&effect{wiped: true})
	}
	if err != nil {
		return fmt.Errorf("cannot wipe %s: %w", s.schema.Collection, err)
	}
	return nil
}

// forget drops the sync state and runs each over all records. The association
// goes first: stopped half-way, the store no longer claims to be in sync with
// anything, and the manager resets it again.
func (s *Store[R]) forget(ctx context.Context, each string) error {
	if err := s.ledger.Forget(ctx); err != nil {
		return err
	}
	return s.chunks(ctx, sqlLastRecord, each)
}

const chunkSize = 1000

// setChunk makes n the number of records that one transaction of a sync takes at most.
func (s *Store[R]) setChunk(n int) {
	s.chunk = n
	s.ledger = ledger.New(s.db, ledger.Config{Collection: s.schema.Collection, Store: s.schema.Collection, Staged: []string{"dupe", "loose"}, Chunk: n, Open: s.openCopy})
}

// chunks runs a statement over the row numbers up to the last, a chunk per
// transaction.
func (s *Store[R]) chunks(ctx context.Context, last, each string) error {
	var end int64
	if err := s.db.QueryRow(ctx, last).Scan(&end); err != nil {
		return sqlite.Explain(err)
	}
	for at := int64(0); at < end; at += int64(s.chunk) {
		err := s.update(ctx, func(tx *Tx[R]) error {
			_, err := tx.exec(each, at, at+int64(s.chunk))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// check returns why a payload is not a record of the collection, or what stands in the
// file for its keys.
func (s *Store[R]) check(payload []byte) (Keys, error) {
	k, err := s.schema.check(payload)
	if err != nil {
		return Keys{}, err
	}
	return Keys{Dedupe: s.stored(k.Dedupe), Loose: s.stored(k.Loose)}, nil
}

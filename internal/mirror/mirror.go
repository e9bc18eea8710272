// Package mirror is the three-way record store of every flat engine: one SQLite
// file that holds the user's records, what the server last had of each, and the
// state of the sync between the two.
//
// Core works on raw JSON, because fields that this program does not know are
// merged and sent back like all others. Store is its typed face. An engine
// supplies Rules: what a valid record is, which records are the same thing, and
// what to do where both sides changed the same field. The rest of package
// engine's contract is here.
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
	"io/fs"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

var (
	// ErrNotFound means that there is no record with the ID on this device.
	ErrNotFound = errors.New("no such record")
	// ErrDuplicate is wrapped by *DuplicateError.
	ErrDuplicate = errors.New("there is a record for this already")
)

// DuplicateError refuses a record whose content key another one has.
type DuplicateError struct {
	// ID is the other record.
	ID engine.ID
}

func (e *DuplicateError) Error() string { return ErrDuplicate.Error() }
func (e *DuplicateError) Unwrap() error { return ErrDuplicate }

// Rules are what an engine knows about its records. Payloads are JSON objects;
// an engine must not keep or change the slices it is given.
type Rules struct {
	// Collection is the collection's name on the server.
	Collection string
	// Version is the storage version of the records.
	Version int
	// Valid tells why a record is not one of the collection's, or nil. It sees
	// incoming records and the user's edits. Its errors hold no secrets: they are
	// kept and shown.
	Valid func(payload []byte) error
	// Key is what makes two valid records the same thing although their IDs
	// differ, or nil. Where it is secret, it is a MAC: it is stored in the clear.
	Key func(payload []byte) []byte
	// Resolve decides a field that both sides changed; nil takes the newer side's
	// value, and so does Rules without it. engine.Start.Prefer goes before.
	Resolve func(Conflict) []byte
	// Nested names fields whose values are objects to merge field by field.
	Nested []string
	// Sticky names fields that some clients neither write nor keep: when one is
	// missing in a record from the server, it has not been deleted.
	Sticky []string
	// Hold reports whether deleting so many of the user's total records in one
	// sync needs the user's word. nil: never.
	Hold func(deletions, total int) bool
	// Seal and Open encrypt payloads at rest, bound to their ID. nil: payloads are
	// stored as they are.
	Seal func(id engine.ID, payload []byte) ([]byte, error)
	Open func(id engine.ID, sealed []byte) ([]byte, error)
}

// Options say where a store is and what it runs on.
type Options struct {
	// Path is the SQLite file. Its folder must exist.
	Path string
	// Now is the clock.
	Now func() time.Time
	// MaxPages bounds the file; see sqlite.Options.
	MaxPages int
}

// Core is an open store. It is safe for concurrent use.
type Core struct {
	rules  Rules
	now    func() time.Time
	db     *sqlite.DB
	nested map[string]bool
	sticky map[string]bool
	chunk  int // how many records one transaction of a sync takes at most
}

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the store at o.Path, and creates it when it is not there.
func Open(ctx context.Context, rules Rules, o Options) (*Core, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, o.Path, sqlite.Options{Migrations: files, MaxPages: o.MaxPages})
	if err != nil {
		return nil, err
	}
	c := &Core{rules: rules, now: o.Now, db: db, nested: set(rules.Nested), sticky: set(rules.Sticky), chunk: chunkSize}
	if err := c.claim(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open %s: %w", o.Path, err), db.Close())
	}
	return c, nil
}

func set(names []string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, name := range names {
		s[name] = true
	}
	return s
}

// claim writes the collection's name into a new file and checks it in an old
// one: two engines on one file would each delete the other's records.
func (c *Core) claim(ctx context.Context) error {
	m, err := c.meta(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		if err = c.update(ctx, func(tx *tx) error { _, err := tx.exec(sqlInitMeta, c.rules.Collection); return err }); err != nil {
			return err
		}
		m, err = c.meta(ctx)
	}
	if err != nil {
		return err
	}
	if m.collection != c.rules.Collection {
		return fmt.Errorf("it holds the collection %q, not %q", m.collection, c.rules.Collection)
	}
	return nil
}

// Close closes the file.
func (c *Core) Close() error { return c.db.Close() }

// Collection is the collection's name on the server.
func (c *Core) Collection() string { return c.rules.Collection }

// Version is the storage version of the records.
func (c *Core) Version() int { return c.rules.Version }

type meta struct {
	collection  string
	association engine.Association
	since       engine.Timestamp
}

func (c *Core) meta(ctx context.Context) (m meta, err error) {
	err = c.db.Read().QueryRowContext(ctx, sqlMeta).Scan(&m.collection, &m.association.Global, &m.association.Collection, &m.since)
	return m, sqlite.Explain(err)
}

// Association tells which sync IDs the store last synced with.
func (c *Core) Association(ctx context.Context) (engine.Association, error) {
	m, err := c.meta(ctx)
	return m.association, err
}

// Reset forgets the sync state and keeps the user's data. A deletion that is
// not on the server yet is kept too, as it is the user's; and so is the last
// snapshot: where a server has one of its payloads to the byte, that payload is
// what the user's later edits were made on.
func (c *Core) Reset(ctx context.Context, a engine.Association) error {
	err := c.forget(ctx, sqlForget)
	if err == nil {
		err = c.setMeta(ctx, a)
	}
	if err != nil {
		return fmt.Errorf("cannot reset %s: %w", c.rules.Collection, err)
	}
	return nil
}

// Wipe forgets the user's data and all sync state.
func (c *Core) Wipe(ctx context.Context) error {
	err := c.forget(ctx, sqlDropSet)
	if err == nil {
		err = c.chunks(ctx, sqlLastSent, sqlUnsend)
	}
	if err != nil {
		return fmt.Errorf("cannot wipe %s: %w", c.rules.Collection, err)
	}
	return nil
}

// forget drops the sync state and runs each over all records. The association
// goes first: stopped half-way, the store no longer claims to be in sync with
// anything, and the manager resets it again.
func (c *Core) forget(ctx context.Context, each string) error {
	if err := c.setMeta(ctx, engine.Association{}); err != nil {
		return err
	}
	if err := c.clearStaged(ctx); err != nil {
		return err
	}
	if err := c.update(ctx, func(tx *tx) error { _, err := tx.exec(sqlRetryDrop); return err }); err != nil {
		return err
	}
	return c.chunks(ctx, sqlLastRecord, each)
}

func (c *Core) setMeta(ctx context.Context, a engine.Association) error {
	return c.update(ctx, func(tx *tx) error {
		_, err := tx.exec(sqlSetMeta, a.Global, a.Collection, 0)
		return err
	})
}

func (c *Core) clearStaged(ctx context.Context) error {
	return c.chunks(ctx, sqlLastStaged, sqlUnstage)
}

const chunkSize = 500

// chunks runs a statement over the row numbers up to the last, a chunk per
// transaction.
func (c *Core) chunks(ctx context.Context, last, each string) error {
	var end int64
	if err := c.db.Read().QueryRowContext(ctx, last).Scan(&end); err != nil {
		return sqlite.Explain(err)
	}
	for at := int64(0); at < end; at += int64(c.chunk) {
		err := c.update(ctx, func(tx *tx) error {
			_, err := tx.exec(each, at, at+int64(c.chunk))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Core) seal(id engine.ID, payload []byte) ([]byte, error) {
	if c.rules.Seal == nil || payload == nil {
		return payload, nil
	}
	return c.rules.Seal(id, payload)
}

func (c *Core) open(id engine.ID, sealed []byte) ([]byte, error) {
	if c.rules.Open == nil || sealed == nil {
		return sealed, nil
	}
	payload, err := c.rules.Open(id, sealed)
	if err != nil {
		return nil, fmt.Errorf("cannot open record %s of %s: %w", id, c.rules.Collection, err)
	}
	return payload, nil
}

func (c *Core) valid(payload []byte) error {
	if c.rules.Valid == nil {
		return nil
	}
	return c.rules.Valid(payload)
}

func (c *Core) key(payload []byte) []byte {
	if c.rules.Key == nil {
		return nil
	}
	return c.rules.Key(payload)
}

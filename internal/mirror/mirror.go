// Package mirror is the three-way record store of every flat engine: one SQLite
// file that holds the user's records, what the server last had of each, and the
// state of the sync between the two.
//
// An engine supplies [Rules]: what a valid record is, which records are the same thing,
// and what to do where both sides changed the same field; and a [Kind]: how a record is a
// Go value. The rest of package engine's contract is here, in [Store]. What it merges is
// raw JSON, because fields that this program does not know are merged and sent back like
// all others.
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
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/localkey"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Rules are what an engine knows about its records. Payloads are JSON objects;
// an engine must not keep or change the slices it is given.
type Rules struct {
	// Collection is the collection's name on the server.
	Collection string
	// Version is the storage version of the records.
	Version int
	// Check returns why a payload is not a record of the collection, or its keys. It
	// sees incoming records and the user's edits. Its errors hold no secrets: they are
	// kept and shown. nil: every object is a record, and has no keys.
	Check func(payload []byte) (Keys, error)
	// KeepInvalid says that a record which is not valid may be good for a newer version
	// of the program: it stays on the server as it is. Otherwise it is damaged, and where
	// this device has the record, it takes the place of that one.
	KeepInvalid bool
	// Matches decides whether two records with one loose key are the same thing. A record
	// that only this device has gives way to one that it matches; two that the account
	// has stay two.
	Matches func(a, b []byte) bool
	// Resolve decides a field that both sides changed: its value, nil for none. ok
	// is false where it has no opinion: then the newer side's value stands, and so it
	// does without Resolve. engine.Start.Prefer goes before.
	Resolve func(Conflict) (value []byte, ok bool)
	// Fork, if not nil, makes an ID of random bytes where both sides changed the same field of
	// one record and neither Prefer nor Resolve decides: the server's record stands
	// under its ID, and this device's becomes a record of its own.
	Fork func(random io.Reader) (engine.ID, error)
	// Merge, if not nil, is asked in place of Resolve where both sides of a record
	// changed, and returns the whole of what is to stand; Fork must be set then.
	// engine.Start.Prefer goes before, and lets one side stand whole. Where Merge
	// fails, or what it returns is not valid, the record counts as failed and both
	// sides stay, as with Fork.
	Merge func(Both) (payload []byte, err error)
	// Nested are the fields whose values are objects to merge field by field.
	Nested []Nested
	// Sets are the fields whose values are lists without an order: what either side put
	// in or took out is in or out.
	Sets []string
	// ReadOnly tells why the user cannot edit a valid record, or nil: a newer version
	// of the program wrote it. It is kept and sent back as it is, and can be deleted.
	ReadOnly func(payload []byte) error
	// Sticky names fields that some clients neither write nor keep: when one is
	// missing in a record from the server, it has not been deleted.
	Sticky []string
	// Required names fields that a record has always, null at least: when one is missing
	// in a record from the server, whoever wrote it did not know the field. It has not
	// been deleted, and is sent again.
	Required []string
	// Hold reports whether deleting so many of the user's total records in one
	// sync needs the user's word. nil: never.
	Hold func(deletions, total int) bool
	// TTL is how many seconds the server keeps a record that this device uploads; 0:
	// for ever.
	TTL int
}

// Keys tell which records are the same thing although their IDs differ. A file that is
// encrypted holds a MAC of each.
type Keys struct {
	// Dedupe is equal for two records that are the same thing; nil: the record is the same
	// as no other.
	Dedupe []byte
	// Loose is equal for two records that may be the same thing although their dedupe keys
	// differ, a login for any form and one for a certain form: [Rules.Matches] decides.
	Loose []byte
}

// Nested is a field that holds an object.
type Nested struct {
	Name string
	// Text says that the object is the JSON text in a string.
	Text bool
	// Nulls says that null is a value in it like any other, where it is otherwise the
	// same as an absent field.
	Nulls bool
}

// options say where a store is and what it runs on.
type options struct {
	engine.StoreConfig
	// MaxPages bounds the file; see sqlite.Options.
	MaxPages int
}

// core is a store without the type of its records: all of the sync, and the JSON.
type core struct {
	engine.ChangeNotifier
	rules    Rules
	now      func() time.Time
	sealer   *localkey.Sealer // nil: payloads are stored as they are
	mac      localkey.Key     // stands for the content keys where there is a sealer
	db       *sqlite.DB
	ledger   *ledger.Ledger
	nested   map[string]Nested
	sets     map[string]bool
	sticky   map[string]bool
	required map[string]bool
	random   io.Reader
	watchers watchers
	chunk    int // how many records one transaction of a sync takes at most
}

//go:embed migrations/*.sql
var migrations embed.FS

// open opens the store at o.Path, and creates it when it is not there.
func open(ctx context.Context, rules Rules, o options) (*core, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, o.Path, sqlite.Options{Migrations: files, MaxPages: o.MaxPages})
	if err != nil {
		return nil, err
	}
	c := newStore(rules, o)
	c.db = db
	c.setChunk(chunkSize)
	if err := errors.Join(c.claim(ctx), c.checkKey(ctx)); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open %s: %w", o.Path, err), db.Close())
	}
	return c, nil
}

func newStore(rules Rules, o options) *core {
	c := &core{rules: rules, now: o.Now, nested: make(map[string]Nested), sets: set(rules.Sets), sticky: set(rules.Sticky),
		required: set(rules.Required), random: o.Rand}
	if key := localkey.Key(o.Key); key != (localkey.Key{}) {
		c.sealer, c.mac = key.Subkey(rules.Collection+" at rest").Sealer(o.Rand), key.Subkey(rules.Collection+" identity")
	}
	for _, n := range rules.Nested {
		c.nested[n.Name] = n
	}
	return c
}

// checkKey reads one record: a wrong key is told now, and not by half a sync.
func (c *core) checkKey(ctx context.Context) error {
	for _, err := range c.list(ctx) {
		if errors.Is(err, localkey.ErrOpen) {
			return engine.ErrKey
		}
		return err
	}
	return nil
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
func (c *core) claim(ctx context.Context) error {
	var collection string
	err := c.db.QueryRow(ctx, sqlMeta).Scan(&collection)
	if errors.Is(err, sql.ErrNoRows) {
		if err = c.update(ctx, c.initialize); err != nil {
			return err
		}
		err = c.db.QueryRow(ctx, sqlMeta).Scan(&collection)
	}
	if err != nil {
		return sqlite.Explain(err)
	}
	if collection != c.rules.Collection {
		return fmt.Errorf("it holds the collection %q, not %q", collection, c.rules.Collection)
	}
	return nil
}

// initialize fills in a new file, with what its copies have to share.
func (c *core) initialize(tx *tx) error {
	if _, err := tx.exec(sqlInitMeta, c.rules.Collection); err != nil || c.rules.Fork == nil {
		return err
	}
	_, err := tx.forkSecret()
	return err
}

// Close closes the file, and ends all that watch.
func (c *core) Close() error {
	c.watchers.close()
	return c.db.Close()
}

// Collection is the collection's name on the server.
func (c *core) Collection() string { return c.rules.Collection }

// Version is the storage version of the records.
func (c *core) Version() int { return c.rules.Version }

// Association tells which sync IDs the store last synced with.
func (c *core) Association(ctx context.Context) (engine.Association, error) {
	return c.ledger.Association(ctx)
}

// Reset forgets the sync state and keeps the user's data. A deletion that is
// not on the server yet is kept too, as it is the user's. What the server had of each
// record is kept as its past: where the next storage has the record as well, that is
// what both sides' changes are told by. So is the last snapshot: where a server has one
// of its payloads to the byte, that payload is what the user's later edits were made on.
func (c *core) Reset(ctx context.Context, a engine.Association) error {
	err := c.leave(ctx, a)
	if err == nil {
		err = c.forget(ctx, sqlForget)
	}
	if err == nil {
		err = c.update(ctx, func(tx *tx) error { return c.ledger.Associate(tx.Tx, a) })
	}
	if err != nil {
		return fmt.Errorf("cannot reset %s: %w", c.rules.Collection, err)
	}
	return nil
}

// Wipe forgets the user's data, the log of what syncs did, and all sync state.
func (c *core) Wipe(ctx context.Context) error {
	err := c.forget(ctx, sqlDropSet)
	if err == nil {
		err = c.ledger.ForgetTombstones(ctx)
	}
	if err == nil {
		err = c.ledger.DropOutgoing(ctx)
	}
	if err == nil {
		err = c.update(ctx, func(tx *tx) error { _, err := tx.exec(sqlPruneTo, int64(math.MaxInt64)); return err })
	}
	if err == nil {
		c.tell(&tx{wiped: true})
	}
	if err != nil {
		return fmt.Errorf("cannot wipe %s: %w", c.rules.Collection, err)
	}
	return nil
}

// forget drops the sync state and runs each over all records. The association
// goes first: stopped half-way, the store no longer claims to be in sync with
// anything, and the manager resets it again.
func (c *core) forget(ctx context.Context, each string) error {
	if err := c.ledger.Forget(ctx); err != nil {
		return err
	}
	return c.chunks(ctx, sqlLastRecord, each)
}

const chunkSize = 500

// setChunk makes n the number of records that one transaction of a sync takes at most.
func (c *core) setChunk(n int) {
	c.chunk = n
	c.ledger = ledger.New(c.db, ledger.Config{Collection: c.rules.Collection, Store: c.rules.Collection, Staged: []string{"dupe", "loose"}, Chunk: n, Open: c.openCopy})
}

// chunks runs a statement over the row numbers up to the last, a chunk per
// transaction.
func (c *core) chunks(ctx context.Context, last, each string) error {
	var end int64
	if err := c.db.QueryRow(ctx, last).Scan(&end); err != nil {
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

func (c *core) seal(id engine.ID, payload []byte) ([]byte, error) {
	if c.sealer == nil || payload == nil {
		return payload, nil
	}
	return c.sealer.Seal(payload, []byte(id))
}

func (c *core) open(id engine.ID, sealed []byte) ([]byte, error) {
	if c.sealer == nil || sealed == nil {
		return sealed, nil
	}
	payload, err := c.sealer.Open(sealed, []byte(id))
	if err != nil {
		return nil, fmt.Errorf("cannot open record %s of %s: %w", id, c.rules.Collection, err)
	}
	return payload, nil
}

// openCopy is open, with a slice of its own.
func (c *core) openCopy(id engine.ID, sealed []byte) ([]byte, error) {
	if c.sealer == nil {
		return bytes.Clone(sealed), nil
	}
	return c.open(id, sealed)
}

func (c *core) readOnly(payload []byte) error {
	if c.rules.ReadOnly == nil {
		return nil
	}
	return c.rules.ReadOnly(payload)
}

// check returns why a payload is not a record of the collection, or what stands in the
// file for its keys.
func (c *core) check(payload []byte) (k Keys, err error) {
	if c.rules.Check == nil {
		return k, nil
	}
	if k, err = c.rules.Check(payload); err != nil {
		return Keys{}, err
	}
	return Keys{Dedupe: c.stored(k.Dedupe), Loose: c.stored(k.Loose)}, nil
}

// keys are those of a record; one that is not valid has none.
func (c *core) keys(payload []byte) Keys {
	k, _ := c.check(payload)
	return k
}

// stored is what stands in the file for a key.
func (c *core) stored(key []byte) []byte {
	if key == nil || c.sealer == nil {
		return key
	}
	return c.mac.MAC(key)
}

// Package ledger keeps the sync state that every engine needs, in the engine's own SQLite
// file: which storage the engine synced with and up to when, which downloaded records are not
// merged yet, what is being uploaded, and which records could not be read. The engine itself
// stores its items and knows how to merge two versions of one.
//
// The engine's migrations create the tables. Their names begin with [Config.Prefix], so that
// two engines may share a file:
//
//	CREATE TABLE ledger (
//	    one     INTEGER PRIMARY KEY CHECK (one = 1),
//	    global  TEXT    NOT NULL DEFAULT '',
//	    sync_id TEXT    NOT NULL DEFAULT '',
//	    since   INTEGER NOT NULL DEFAULT 0, -- server time, hundredths of a second
//	    past    INTEGER NOT NULL DEFAULT 0  -- the largest since before a reset
//	) STRICT;
//	INSERT INTO ledger (one) VALUES (1);
//
//	-- Downloaded records, until Merge has processed them. A row with neither payload
//	-- nor err is a tombstone.
//	CREATE TABLE staged (
//	    n        INTEGER PRIMARY KEY,
//	    id       TEXT    NOT NULL UNIQUE,
//	    modified INTEGER NOT NULL,
//	    payload  BLOB,
//	    err      TEXT,
//	    fatal    INTEGER NOT NULL DEFAULT 0, -- 1: this version does not know such a record; fetching it again won't help
//	    unread   BLOB -- the payload of such a record
//	) STRICT;
//
//	-- The snapshot of what is uploaded. Rows stay until the next Merge: the server may
//	-- have stored them although its response was lost.
//	CREATE TABLE outgoing (
//	    n       INTEGER PRIMARY KEY, -- the order in which they go up
//	    id      TEXT    NOT NULL,
//	    payload BLOB, -- NULL: a tombstone
//	    changes INTEGER NOT NULL -- the item's count of changes when the payload was made
//	) STRICT;
//
//	-- Records on the server that could not be read or applied.
//	CREATE TABLE retry (
//	    id       TEXT    PRIMARY KEY,
//	    attempts INTEGER NOT NULL, -- 3 and more: not asked for again
//	    reason   TEXT    NOT NULL,
//	    -- 1: a version of the program that knows more may read it: what is here of the record
//	    -- does not go up until then. payload is the record, of the server's time modified.
//	    held     INTEGER NOT NULL DEFAULT 0,
//	    modified INTEGER NOT NULL DEFAULT 0,
//	    payload  BLOB
//	) STRICT, WITHOUT ROWID;
//	CREATE INDEX retry_due ON retry (attempts, id);
//	CREATE INDEX retry_held ON retry (id) WHERE held = 1;
//
// An engine may add columns to staged and outgoing, and joins all three in its own statements:
// what it sends are not records that retry holds.
//
// Another table records the deletions that the server is known to have: those that the engine
// uploaded and those that it downloaded. A server restored from a backup holds records that
// were deleted since the backup; a record that is older than its tombstone is deleted again.
// Two engines in one file share the table:
//
//	CREATE TABLE tombstones (
//	    n       INTEGER PRIMARY KEY,   -- the order of insertion
//	    store   TEXT    NOT NULL,      -- see Config.Store
//	    id      TEXT    NOT NULL,
//	    account TEXT    NOT NULL,      -- the account of the storage; see engine.Start
//	    at      INTEGER NOT NULL,      -- the server's time of the deletion, hundredths of a second
//	    UNIQUE (store, id)
//	) STRICT;
//	CREATE INDEX tombstones_at ON tombstones (store, at);
//
// Tombstones apply to their own account only: another account may have the same record, and
// its user did not delete it.
package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	// maxAttempts is how many times an unreadable record is fetched: once with the other
	// records, then because Retry lists it.
	maxAttempts = 3
	// maxRetries bounds the records that one session fetches again. They are fetched by ID, a
	// hundred per request.
	maxRetries = 500
	// maxProblems bounds Merged.Problems.
	maxProblems = 36
	// stageRows is how many records one statement stages.
	stageRows = 50
	// outgoingBytes is about how many bytes of payloads one call of Outgoing returns.
	outgoingBytes = 4 << 20
)

// ChunkTime is how long a transaction of a merge lasts before it commits, so that the app's
// edits can proceed.
const ChunkTime = 50 * time.Millisecond

// Config describes an engine to its ledger.
type Config struct {
	// Collection names the engine in errors.
	Collection string
	// Prefix begins the names of the tables.
	Prefix string
	// Store is the engine's name in the table tombstones; "" means that it keeps none.
	Store string
	// Staged and Outgoing are the columns that the engine added to the two tables. The engine
	// fills in those of outgoing itself; [Row.Columns] has the values for staged.
	Staged, Outgoing []string
	// Chunk is the maximum number of records that one transaction stages or drops.
	Chunk int
	// Local maps a record's ID on the wire to the one in the tables, and Wire maps it back;
	// nil means that they are the same.
	Local, Wire func(engine.ID) engine.ID
	// Open returns a payload as it goes up, or came, from how the tables hold it; nil: a
	// copy.
	Open func(id engine.ID, stored []byte) ([]byte, error)
}

// Ledger keeps an engine's sync state. It is safe for concurrent use, but only one [Session]
// may be open at a time.
type Ledger struct {
	db *sqlite.DB
	c  Config
	statements
	// reread tells that this process has read the held records again.
	reread atomic.Bool
}

// New returns the ledger of an engine in db, which must have the tables.
func New(db *sqlite.DB, c Config) *Ledger {
	if c.Local == nil {
		same := func(id engine.ID) engine.ID { return id }
		c.Local, c.Wire = same, same
	}
	if c.Open == nil {
		c.Open = func(_ engine.ID, stored []byte) ([]byte, error) { return bytes.Clone(stored), nil }
	}
	return &Ledger{db: db, c: c, statements: newStatements(c)}
}

// statements holds the text of every statement, so that a test can check the query plans.
type statements struct {
	association, associate, advance                string
	lastStaged, unstage, stage, row, stageAgain    string
	lastOutgoing, unsend, outgoing                 string
	retryDue, retryAny, retryHave, retryPut        string
	retryMiss, retryRead, retryReadable, retryDone string
	retryDrop, retryCount, retryPage, retryList    string
	retryHeld                                      string
	stagedGone, stagedBack, sentGone, sentBack     string
	anyGone, deletedAt, pruneOld, pruneMany        string
	forgetTombstones                               string
}

func newStatements(c Config) (s statements) {
	text := func(query string) string { return strings.ReplaceAll(query, "$", c.Prefix) }
	s.association = text(`SELECT global, sync_id, since, CASE since WHEN 0 THEN past ELSE 0 END FROM $ledger WHERE one = 1`)
	s.associate = text(`UPDATE $ledger SET global = ?1, sync_id = ?2, past = max(past, since), since = 0 WHERE one = 1`)
	s.advance = text(`UPDATE $ledger SET since = max(since, ?1) WHERE one = 1`)

	columns := append([]string{"id", "modified", "payload", "err", "fatal", "unread"}, c.Staged...)
	s.stage = text(`INSERT INTO $staged (`) + strings.Join(columns, ", ") + `) VALUES `
	s.stageAgain = ` ON CONFLICT (id) DO UPDATE SET `
	for i, name := range columns[1:] {
		if i > 0 {
			s.stageAgain += ", "
		}
		s.stageAgain += name + " = excluded." + name
	}
	s.row = "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + ")"
	s.lastStaged = text(`SELECT coalesce(max(n), 0) FROM $staged`)
	s.unstage = text(`DELETE FROM $staged WHERE n > ?1 AND n <= ?2`)

	s.lastOutgoing = text(`SELECT coalesce(max(n), 0) FROM $outgoing`)
	s.unsend = text(`DELETE FROM $outgoing WHERE n > ?1 AND n <= ?2`)
	s.outgoing = `SELECT ` + strings.Join(append([]string{"n", "id", "payload"}, c.Outgoing...), ", ") +
		text(` FROM $outgoing WHERE n > ?1 ORDER BY n LIMIT ?2`)

	s.retryDue = text(`SELECT id FROM $retry WHERE attempts < ?1 ORDER BY attempts, id LIMIT ?2`)
	s.retryAny = text(`SELECT EXISTS (SELECT 1 FROM $retry LIMIT 1)`)
	s.retryHave = text(`SELECT EXISTS (SELECT 1 FROM $retry WHERE id = ?1)`)
	s.retryPut = text(`INSERT INTO $retry (id, attempts, reason, held, modified, payload)
		VALUES (?1, ?2, ?3, ?4, coalesce((SELECT modified FROM $staged WHERE id = ?1), 0),
			CASE WHEN ?4 THEN (SELECT coalesce(unread, payload) FROM $staged WHERE id = ?1) END)
		ON CONFLICT (id) DO UPDATE SET attempts = max(attempts + 1, excluded.attempts), reason = excluded.reason,
			held = excluded.held, modified = excluded.modified, payload = excluded.payload`)
	s.retryMiss = text(`UPDATE $retry SET attempts = attempts + 1 WHERE id IN (SELECT value FROM json_each(?1))`)
	s.retryRead = text(`DELETE FROM $retry WHERE id = ?1`)
	s.retryReadable = text(`DELETE FROM $retry WHERE id IN (SELECT id FROM $staged WHERE n > ?1 AND n <= ?2 AND err IS NULL)`)
	s.retryDone = text(`DELETE FROM $retry WHERE id IN (SELECT id FROM $outgoing WHERE n > ?1 AND n <= ?2)`)
	s.retryDrop = text(`DELETE FROM $retry WHERE id > ''`)
	s.retryCount = text(`SELECT count(*) FROM $retry WHERE id > ''`)
	s.retryPage = text(`SELECT id, reason FROM $retry WHERE id > '' ORDER BY id LIMIT ?1`)
	s.retryList = text(`SELECT id, reason, modified, payload FROM $retry WHERE id > ?1 ORDER BY id LIMIT ?2`)
	s.retryHeld = text(`SELECT id, reason, modified, payload FROM $retry WHERE held = 1 AND id > ?1 ORDER BY id LIMIT ?2`)

	const newer = ` ON CONFLICT (store, id) DO UPDATE SET account = excluded.account, at = excluded.at
		WHERE account <> excluded.account OR at < excluded.at`
	s.stagedGone = text(`INSERT INTO tombstones (store, account, id, at) SELECT ?1, ?2, id, modified FROM $staged
		WHERE n > ?3 AND n <= ?4 AND payload IS NULL AND err IS NULL`) + newer
	s.stagedBack = text(`DELETE FROM tombstones WHERE n IN (
		SELECT t.n FROM $staged s JOIN tombstones t ON t.store = ?1 AND t.id = s.id
		WHERE s.n > ?3 AND s.n <= ?4 AND s.payload IS NOT NULL AND t.account = ?2 AND t.at <= s.modified)`)
	s.sentGone = text(`INSERT INTO tombstones (store, account, id, at) SELECT ?1, ?2, id, ?5 FROM $outgoing
		WHERE n > ?3 AND n <= ?4 AND payload IS NULL`) + newer
	s.sentBack = text(`DELETE FROM tombstones WHERE store = ?1 AND account = ?2 AND at <= ?5
		AND id IN (SELECT id FROM $outgoing WHERE n > ?3 AND n <= ?4 AND payload IS NOT NULL)`)
	s.anyGone = `SELECT EXISTS (SELECT 1 FROM tombstones WHERE store = ?1)`
	s.deletedAt = `SELECT at FROM tombstones WHERE store = ?1 AND account = ?2 AND id = ?3`
	s.pruneOld = `DELETE FROM tombstones WHERE store = ?1 AND at < ?2`
	// All tombstones of a batch have the same time; among those, the oldest rows are deleted
	// first.
	s.pruneMany = `DELETE FROM tombstones WHERE store = ?1 AND (at, n) <= (
		SELECT at, n FROM tombstones WHERE store = ?1 ORDER BY at DESC, n DESC LIMIT 1 OFFSET ?2)`
	s.forgetTombstones = `DELETE FROM tombstones WHERE store = ?1`
	return s
}

// stageSome returns the statement that stages n records.
func (s *statements) stageSome(n int) string {
	return s.stage + strings.Repeat(s.row+", ", n-1) + s.row + s.stageAgain
}

// Association returns the sync IDs that the engine last synced with.
func (l *Ledger) Association(ctx context.Context) (engine.Association, error) {
	m, err := l.read(ctx)
	return m.Association, err
}

// state is the row of the table ledger.
type state struct {
	engine.Association
	since, past engine.Timestamp
}

func (l *Ledger) read(ctx context.Context) (m state, err error) {
	err = l.db.QueryRow(ctx, l.association).Scan(&m.Global, &m.Collection, &m.since, &m.past)
	if err != nil {
		err = fmt.Errorf("cannot read the sync state of %s: %w", l.c.Collection, sqlite.Explain(err))
	}
	return m, err
}

// Associate sets the sync IDs to a. The next sync downloads the whole collection.
func (l *Ledger) Associate(tx *sqlite.Tx, a engine.Association) error {
	_, err := tx.Exec(l.associate, a.Global, a.Collection)
	return err
}

// Forget removes the association and everything that the last sync left except the snapshot
// of what was uploaded. It removes the association first: if it is interrupted, the engine is
// no longer associated with any storage, and the manager resets it again.
func (l *Ledger) Forget(ctx context.Context) error {
	err := l.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		if err := l.Associate(tx, engine.Association{}); err != nil {
			return err
		}
		_, err := tx.Exec(l.retryDrop)
		return err
	})
	if err == nil {
		err = l.dropStaged(ctx)
	}
	return sqlite.Explain(err)
}

func (l *Ledger) dropStaged(ctx context.Context) error {
	return l.chunks(ctx, l.lastStaged, l.unstage)
}

// DropOutgoing drops the snapshot of what was uploaded.
func (l *Ledger) DropOutgoing(ctx context.Context) error {
	return l.chunks(ctx, l.lastOutgoing, l.unsend)
}

// chunks runs the statement each over all row numbers up to the result of last, one chunk per
// transaction.
func (l *Ledger) chunks(ctx context.Context, last, each string) error {
	var end int64
	if err := l.db.QueryRow(ctx, last).Scan(&end); err != nil {
		return sqlite.Explain(err)
	}
	for at := int64(0); at < end; at += int64(l.c.Chunk) {
		err := l.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
			_, err := tx.Exec(each, at, at+int64(l.c.Chunk))
			return err
		})
		if err != nil {
			return sqlite.Explain(err)
		}
	}
	return nil
}

// Unread counts the records that could not be read, and returns the first max of them.
func (l *Ledger) Unread(ctx context.Context, max int) (n int, some []engine.Problem, err error) {
	return l.Problems(ctx, l.retryCount, l.retryPage, max)
}

// Problems counts records with the statement count, and returns the first max of them with
// their reasons from the statement list.
func (l *Ledger) Problems(ctx context.Context, count, list string, max int) (n int, some []engine.Problem, err error) {
	if err := l.db.QueryRow(ctx, count).Scan(&n); err != nil || n == 0 {
		return 0, nil, sqlite.Explain(err)
	}
	rows, err := l.db.Query(ctx, list, max)
	if err != nil {
		return 0, nil, sqlite.Explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id engine.ID
		var reason string
		if err := rows.Scan(&id, &reason); err != nil {
			return 0, nil, sqlite.Explain(err)
		}
		some = append(some, engine.Problem{ID: l.c.Wire(id), Err: errors.New(reason)})
	}
	return n, some, sqlite.Explain(rows.Err())
}

// IDs returns ids as a JSON array, which a statement takes as a single argument.
func IDs(ids iter.Seq[engine.ID]) string {
	text := []byte{'['}
	for id := range ids {
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = rawjson.AppendQuoted(text, id)
	}
	return string(append(text, ']'))
}

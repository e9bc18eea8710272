// Package tombstones remembers which deletions an engine knows to be on the server: its
// own that were uploaded, and those that came from there. A server that is restored from
// a backup brings back what was deleted since; a record there that is older than its
// tombstone is the past, and is deleted again. A newer one is a new item.
//
// The table is in the engine's own file, and its migrations make it:
//
//	CREATE TABLE tombstones (
//	    n       INTEGER PRIMARY KEY,   -- the order in which they came
//	    store   TEXT    NOT NULL,      -- the collection
//	    id      TEXT    NOT NULL,
//	    account TEXT    NOT NULL,      -- whose storage it was; see engine.Start
//	    at      INTEGER NOT NULL,      -- the server's time of the deletion, hundredths of a second
//	    UNIQUE (store, id)
//	);
//	CREATE INDEX tombstones_at ON tombstones (store, at);
package tombstones

import (
	"database/sql"
	"errors"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Bounds of what one store remembers. Backups are seldom older than the one, and
// seldom is more than the other deleted in that time.
const (
	keepFor   = bso.Timestamp(365 * 24 * 60 * 60 * 100)
	keepCount = 10_000
)

// Set is the tombstones of one store in one account, within a transaction. Those of
// another account say nothing about this one: both may have had the same record, and
// only one user deleted it.
type Set struct {
	Tx             *sqlite.Tx
	Store, Account string
}

const (
	sqlAdd = `INSERT INTO tombstones (store, id, account, at) SELECT ?1, value, ?3, ?4 FROM json_each(?2) WHERE true
		ON CONFLICT (store, id) DO UPDATE SET account = excluded.account, at = excluded.at
		WHERE account <> excluded.account OR at < excluded.at`
	sqlEnd = `DELETE FROM tombstones WHERE store = ?1 AND account = ?3 AND at <= ?4 AND id IN (SELECT value FROM json_each(?2))`
	sqlAt  = `SELECT at FROM tombstones WHERE store = ?1 AND id = ?2 AND account = ?3`
	// All of a batch have one time: of those, the first to come are the first to go.
	sqlPruneOld  = `DELETE FROM tombstones WHERE store = ?1 AND at < ?2`
	sqlPruneMany = `DELETE FROM tombstones WHERE store = ?1 AND (at, n) <= (
		SELECT at, n FROM tombstones WHERE store = ?1 ORDER BY at DESC, n DESC LIMIT 1 OFFSET ?2)`
	sqlForget = `DELETE FROM tombstones WHERE store = ?1`
)

// Add remembers deletions of records, by a JSON array of their IDs, that the server has
// as of a time.
func (s Set) Add(ids string, at bso.Timestamp) error {
	_, err := s.Tx.Exec(sqlAdd, s.Store, ids, s.Account, at)
	return err
}

// End forgets the deletions of records, by a JSON array of their IDs, that are on the
// server again as of a time.
func (s Set) End(ids string, at bso.Timestamp) error {
	_, err := s.Tx.Exec(sqlEnd, s.Store, ids, s.Account, at)
	return err
}

// After reports whether a record that the server has as of a time was deleted later:
// the server went back.
func (s Set) After(id bso.ID, modified bso.Timestamp) (at bso.Timestamp, deleted bool, err error) {
	err = s.Tx.QueryRow(sqlAt, s.Store, id, s.Account).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return at, err == nil && at > modified, err
}

// Prune keeps to the bounds, as of a time of the server's. Call it once in a sync.
func (s Set) Prune(now bso.Timestamp) error {
	if _, err := s.Tx.Exec(sqlPruneOld, s.Store, now-keepFor); err != nil {
		return err
	}
	_, err := s.Tx.Exec(sqlPruneMany, s.Store, keepCount)
	return err
}

// Forget forgets all of the store, whichever account: its data was wiped.
func (s Set) Forget() error {
	_, err := s.Tx.Exec(sqlForget, s.Store)
	return err
}

package ledger

import (
	"context"
	"database/sql"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Bounds of the tombstones that one engine remembers. Backups are seldom older than the
// one, and seldom is more than the other deleted in that time.
const (
	keepTombstonesFor = engine.Timestamp(365 * 24 * 60 * 60 * 100)
	keepTombstones    = 10_000
)

// NoteDeletions brings the tombstones up to the staged records, from exclusive, to
// inclusive.
func (s *Session) NoteDeletions(tx *sqlite.Tx, from, to int64) error {
	l := s.ledger
	if l.c.Store == "" {
		return nil
	}
	if _, err := tx.Exec(l.stagedGone, l.c.Store, s.Start.Account, from, to); err != nil {
		return err
	}
	_, err := tx.Exec(l.stagedBack, l.c.Store, s.Start.Account, from, to)
	return err
}

// settleDeletions brings the tombstones up to what of the snapshot is on the server as of
// a time, by a JSON array of IDs.
func (s *Session) settleDeletions(tx *sqlite.Tx, stored string, at engine.Timestamp) error {
	l := s.ledger
	if l.c.Store == "" {
		return nil
	}
	if _, err := tx.Exec(l.sentGone, l.c.Store, s.Start.Account, stored, at); err != nil {
		return err
	}
	_, err := tx.Exec(l.sentBack, l.c.Store, s.Start.Account, stored, at)
	return err
}

// DeletedLater reports whether a record that the server has as of a time was deleted
// later, and when: the server went back to an earlier state. A record that is newer than
// its deletion is a new item.
func (s *Session) DeletedLater(tx *sqlite.Tx, id engine.ID, modified engine.Timestamp) (at engine.Timestamp, deleted bool, err error) {
	err = tx.QueryRow(s.ledger.deletedAt, s.ledger.c.Store, s.Start.Account, id).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return at, err == nil && at > modified, err
}

// prune keeps the tombstones to their bounds, as of a time of the server's.
func (s *Session) prune(tx *sqlite.Tx, now engine.Timestamp) error {
	l := s.ledger
	if l.c.Store == "" {
		return nil
	}
	if _, err := tx.Exec(l.pruneOld, l.c.Store, now-keepTombstonesFor); err != nil {
		return err
	}
	_, err := tx.Exec(l.pruneMany, l.c.Store, keepTombstones)
	return err
}

// ForgetTombstones forgets all of the engine's tombstones, whichever account's: its data
// was wiped.
func (l *Ledger) ForgetTombstones(ctx context.Context) error {
	err := l.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(l.forgetTombstones, l.c.Store)
		return err
	})
	return sqlite.Explain(err)
}

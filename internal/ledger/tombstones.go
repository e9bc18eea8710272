package ledger

import (
	"context"
	"database/sql"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Bounds of the tombstones that one engine keeps. Few backups are older than a year, and few
// users delete more than 10,000 records in that time.
const (
	keepTombstonesFor = engine.Timestamp(365 * 24 * 60 * 60 * 100)
	keepTombstones    = 10_000
)

// NoteDeletions updates the tombstones from the staged rows from (exclusive) to to
// (inclusive).
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

// settleDeletions updates the tombstones for the rows of the snapshot from (exclusive) to to
// (inclusive), which the server stored at a time.
func (s *Session) settleDeletions(tx *sqlite.Tx, from, to int64, at engine.Timestamp) error {
	l := s.ledger
	if l.c.Store == "" {
		return nil
	}
	if _, err := tx.Exec(l.sentGone, l.c.Store, s.Start.Account, from, to, at); err != nil {
		return err
	}
	var any bool
	if err := tx.QueryRow(l.anyGone, l.c.Store).Scan(&any); err != nil || !any {
		return err
	}
	_, err := tx.Exec(l.sentBack, l.c.Store, s.Start.Account, from, to, at)
	return err
}

// DeletedLater reports whether a record that the server last modified at a time was deleted
// after that time, and when. This happens when the server returns to an earlier state. A
// record that is newer than its tombstone is a new item.
func (s *Session) DeletedLater(tx *sqlite.Tx, id engine.ID, modified engine.Timestamp) (at engine.Timestamp, deleted bool, err error) {
	err = tx.QueryRow(s.ledger.deletedAt, s.ledger.c.Store, s.Start.Account, id).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return at, err == nil && at > modified, err
}

// prune removes tombstones beyond their bounds; now is the server's time.
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

// ForgetTombstones removes the engine's tombstones of all accounts, because its data was
// wiped.
func (l *Ledger) ForgetTombstones(ctx context.Context) error {
	err := l.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		_, err := tx.Exec(l.forgetTombstones, l.c.Store)
		return err
	})
	return sqlite.Explain(err)
}

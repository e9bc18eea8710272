package bookmarks

import (
	"context"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// compareWithPast prepares the first merge after a Reset, for which the whole
// collection was staged: the mirror is what the server had before. What it has no more
// goes up again. Where its record is older than the mirror's, the server went back to
// an earlier state: that becomes the common past, and the user's item is the change.
func (s *session) compareWithPast(t *tx) error {
	var past bool
	if s.Since() != 0 {
		return nil
	}
	if err := t.QueryRow(sqlMirrorAny).Scan(&past); err != nil || !past {
		return err
	}
	lost := sqlLost
	if s.cleared == clearedElsewhere {
		lost = sqlLostRoots // the rest is deleted, as far as it is as it was
	}
	if _, err := t.Exec(lost, guidList(allRoots())); err != nil {
		return err
	}
	if s.cleared == clearedElsewhere {
		if _, err := t.Exec(sqlLostGone, guidList(allRoots())); err != nil {
			return err
		}
	}
	return execAll(t.Tx, sqlLostMirror, sqlBehind, sqlBehindMirror, sqlBehindGone, sqlBehindStaged)
}

// Troubles counts the records that are stuck, and names the first max of each kind.
func (e *Engine) Troubles(ctx context.Context, max int) (t engine.Troubles, err error) {
	if t.Unsent, t.UnsentRecords, err = e.ledger.Problems(ctx, sqlCountRefused, sqlRefusedPage, max); err != nil {
		return t, err
	}
	if t.Held, t.HeldRecords, err = e.ledger.Problems(ctx, sqlCountHeld, sqlHeldPage, max); err != nil {
		return t, err
	}
	t.Unread, t.UnreadRecords, err = e.ledger.Unread(ctx, max)
	return t, err
}

// Unreadable yields the records on the server that this version of the program cannot
// read, by ID. An error ends it.
func (e *Engine) Unreadable(ctx context.Context) iter.Seq2[engine.UnreadableRecord, error] {
	return e.ledger.Unreadable(ctx, reads, func(ctx context.Context, guid engine.ID) (copied, changed bool, err error) {
		err = e.db.File().QueryRow(ctx, sqlHere, guid).Scan(&copied, &changed)
		return copied, changed, sqlite.Explain(err)
	})
}

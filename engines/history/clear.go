package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
)

// Clear deletes the pages that the account had; an Undo brings them back. Pages with
// visits or a title that were not sent stay whole, and so do those that never left this
// device. See engine.Clearer.
func (e *Engine) Clear(ctx context.Context, start engine.Start) error {
	err := e.clear(ctx, start)
	if err != nil && !errors.As(err, new(*engine.TooManyDeletionsError)) {
		err = fmt.Errorf("cannot clear the history: %w", err)
	}
	return err
}

func (e *Engine) clear(ctx context.Context, start engine.Start) error {
	gone := int64(0)
	err := e.chunks(ctx, sqlLastPlace, func(tx *tx, from, to int64) error {
		var n int64
		err := tx.QueryRow(sqlCountSettled, from, to).Scan(&n)
		gone += n
		return err
	})
	if err != nil {
		return err
	}
	if err := e.tooManyDeletions(ctx, start, gone, 0); err != nil {
		return err
	}
	err = e.chunks(ctx, sqlLastPlace, func(tx *tx, from, to int64) error {
		settled, err := tx.numbers(sqlAllSettled, from, to)
		for _, id := range settled {
			if err == nil {
				err = tx.takeAway(id, start.Run)
			}
		}
		return err
	})
	if err == nil {
		err = e.ledger.ForgetTombstones(ctx)
	}
	if err == nil {
		err = e.update(ctx, func(tx *tx) error { return prune(tx.Tx.Tx, tx.Now()) })
	}
	if err != nil {
		return err
	}
	return e.Reset(ctx, engine.Association{})
}

// takeAway deletes a page for a sync, and adds it to the undo items.
func (t *tx) takeAway(id int64, run string) error {
	r, err := t.byID(id)
	if err != nil {
		return err
	}
	if err := t.addUndoItem(run, r); err != nil {
		return err
	}
	return t.drop(r)
}

// tooManyDeletions returns an error if a sync would delete most of the history without the
// user's confirmation: so many pages that are here, and so many that came back to the server.
func (e *Engine) tooManyDeletions(ctx context.Context, start engine.Start, deletions, revived int64) error {
	if start.AcceptDeletions || deletions+revived <= 20 {
		return nil
	}
	total, err := e.Count(ctx)
	if total += int(revived); err != nil || int(deletions+revived) <= total/2 {
		return err
	}
	return &engine.TooManyDeletionsError{Deletions: int(deletions + revived), Total: total}
}

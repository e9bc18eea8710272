package bookmarks

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

type meta struct {
	generation int64
	cleared    int // see the columns of bookmark_meta
}

// Why the next merge is one of the whole collection; see the column of bookmark_meta.
const (
	clearedElsewhere = 1 + iota
	wipedHere
)

func (t *tx) meta() (m meta, err error) {
	err = t.QueryRow(sqlMeta).Scan(&m.generation, &m.cleared)
	return m, err
}

// Association returns the sync IDs that the bookmarks last synced with.
func (e *Engine) Association(ctx context.Context) (engine.Association, error) {
	return e.ledger.Association(ctx)
}

// Reset forgets the sync state and keeps the bookmarks and the log of what syncs
// did. The mirror stays as the past that both sides of the next merge have in common,
// and so do the user's deletions.
func (e *Engine) Reset(ctx context.Context, a engine.Association) error {
	err := e.ledger.Forget(ctx)
	if err == nil {
		err = e.db.Update(ctx, func(t *places.Tx) error {
			if err := execAll(t, sqlBumpEdits); err != nil {
				return err
			}
			return e.ledger.Associate(t.Tx, a)
		})
	}
	if err != nil {
		return fmt.Errorf("cannot reset bookmarks: %w", err)
	}
	return nil
}

// Clear makes the next sync delete what the account had and has no more. Nothing is deleted
// before: only then is it known what stays. So just the rest is counted, is confirmed by
// the user if it is much, and can be brought back by Undo. What the user changed and did not
// send stays.
func (e *Engine) Clear(ctx context.Context, _ engine.Start) error {
	if err := e.Reset(ctx, engine.Association{}); err != nil {
		return err
	}
	err := e.db.Update(ctx, func(t *places.Tx) error {
		_, err := t.Exec(sqlSetCleared, clearedElsewhere)
		return err
	})
	if err == nil {
		err = e.ledger.ForgetTombstones(ctx)
	}
	if err != nil {
		return fmt.Errorf("cannot clear bookmarks: %w", err)
	}
	return nil
}

// Wipe deletes all bookmarks and the log, and leaves no tombstones.
func (e *Engine) Wipe(ctx context.Context) error {
	err := e.ledger.Forget(ctx)
	if err == nil {
		err = e.ledger.DropOutgoing(ctx)
	}
	if err == nil {
		err = e.ledger.ForgetTombstones(ctx)
	}
	if err == nil {
		err = e.db.Update(ctx, func(p *places.Tx) error { return newTx(p).wipe() })
	}
	if err != nil {
		return fmt.Errorf("cannot wipe bookmarks: %w", err)
	}
	e.watchers.Tell(engine.Change{})
	return nil
}

func (t *tx) wipe() error {
	rows, err := t.Query(sqlPlaced)
	if err != nil {
		return err
	}
	placed, err := scanAll[int64](rows)
	if err != nil {
		return err
	}
	if _, err := t.Exec(sqlWipeItems, guidList(allRoots())); err != nil {
		return err
	}
	for _, place := range placed {
		if err := t.refreshPlace(place); err != nil {
			return err
		}
	}
	if err := execAll(t.Tx, sqlDropMirror, sqlDropTombstones, sqlWipeRoots, sqlWipeLog, sqlBumpEdits); err != nil {
		return err
	}
	_, err = t.Exec(sqlSetCleared, wipedHere)
	return err
}

func execAll(t *places.Tx, queries ...string) error {
	for _, q := range queries {
		if _, err := t.Exec(q); err != nil {
			return err
		}
	}
	return nil
}

package bookmarks

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

type meta struct {
	engine.Association
	since      engine.Timestamp
	generation int64
	cleared    int // see the columns of bookmark_meta
}

// What the next merge of the whole collection is told besides.
const (
	clearedElsewhere = 1 + iota
	wipedHere
)

func (t *tx) meta() (m meta, err error) {
	err = t.QueryRow(sqlMeta).Scan(&m.Global, &m.Collection, &m.since, &m.generation, &m.cleared)
	return m, err
}

// Association tells which sync IDs the bookmarks last synced with.
func (e *Engine) Association(ctx context.Context) (engine.Association, error) {
	var m meta
	err := e.db.QueryRow(ctx, sqlMeta).Scan(&m.Global, &m.Collection, &m.since, &m.generation, &m.cleared)
	if err != nil {
		return engine.Association{}, fmt.Errorf("cannot read the sync state of bookmarks: %w", sqlite.Explain(err))
	}
	return m.Association, nil
}

// Reset forgets the sync state and keeps the bookmarks and the log of what syncs
// did. The mirror stays as the past that both sides of the next merge have in common,
// and so do the user's deletions; see compareWithPast.
func (e *Engine) Reset(ctx context.Context, a engine.Association) error {
	err := e.db.Update(ctx, func(t *places.Tx) error {
		if err := execAll(t, sqlDropStaged, sqlDropRetry); err != nil {
			return err
		}
		_, err := t.Exec(sqlSetMeta, a.Global, a.Collection)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot reset bookmarks: %w", err)
	}
	return nil
}

// Clear makes the next sync one that takes away what the account had and has no more.
// Nothing goes before: only then is it known what stays, so that just the rest is
// counted, held if it is much, and kept in the log for an Undo. What the user changed
// and did not send stays.
func (e *Engine) Clear(ctx context.Context, _ engine.Start) error {
	if err := e.Reset(ctx, engine.Association{}); err != nil {
		return err
	}
	err := e.db.Update(ctx, func(t *places.Tx) error {
		if _, err := t.Exec(sqlSetCleared, clearedElsewhere); err != nil {
			return err
		}
		return t.Tombstones(collection, "").Forget()
	})
	if err != nil {
		return fmt.Errorf("cannot clear bookmarks: %w", err)
	}
	return nil
}

// Wipe deletes all bookmarks and the log, and leaves no tombstones.
func (e *Engine) Wipe(ctx context.Context) error {
	err := e.db.Update(ctx, func(p *places.Tx) error {
		t := newTx(p)
		if err := execAll(p, sqlDropMirror, sqlDropTombstones, sqlDropStaged, sqlDropOutgoing, sqlDropRetry); err != nil {
			return err
		}
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
		if err := execAll(p, sqlWipeRoots, sqlWipeLog); err != nil {
			return err
		}
		if _, err := t.Exec(sqlSetCleared, wipedHere); err != nil {
			return err
		}
		if err := t.Tombstones(collection, "").Forget(); err != nil {
			return err
		}
		_, err = t.Exec(sqlSetMeta, "", "")
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot wipe bookmarks: %w", err)
	}
	return nil
}

func execAll(t *places.Tx, queries ...string) error {
	for _, q := range queries {
		if _, err := t.Exec(q); err != nil {
			return err
		}
	}
	return nil
}

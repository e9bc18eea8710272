package bookmarks

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// ChangedRoots counts the roots among the Changes.
func (e *Engine) ChangedRoots(ctx context.Context) (n int, err error) {
	err = e.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM bookmarks WHERE changes > 0 AND refused <> changes
		AND parent IS NOT NULL AND guid IN (SELECT value FROM json_each(?1))`, guidList(allRoots())).Scan(&n)
	return n, err
}

// Generation counts the edits and syncs of the tree.
func (e *Engine) Generation(ctx context.Context) (n int64, err error) {
	err = e.view(ctx, func(t *tx) error {
		m, err := t.meta()
		n = m.generation
		return err
	})
	return n, err
}

// WholeMerges counts the merges of the whole tree since Open.
func WholeMerges(e *Engine) int64 { return e.wholeMerges.Load() }

// Damage runs a statement behind the engine's back.
func (e *Engine) Damage(ctx context.Context, query string) error {
	return e.db.Update(ctx, func(t *places.Tx) error { return execAll(t, query) })
}

// LocalID is localID.
func LocalID(id engine.ID) engine.ID { return localID(id) }

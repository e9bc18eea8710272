package bookmarks

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
)

// Delete deletes the item with all that is below it, here and with the next sync everywhere,
// or returns [engine.ErrNotFound].
func (e *Engine) Delete(ctx context.Context, id engine.ID) error {
	_, err := e.DeleteMany(ctx, id)
	return err
}

// DeleteMany deletes items with all that is below them, all or none, and returns how many
// items it deleted. The error is, among others, [engine.ErrNotFound] or [ErrRoot].
func (e *Engine) DeleteMany(ctx context.Context, guids ...engine.ID) (n int, err error) {
	err = e.edit(ctx, func(t *tx) (err error) {
		n, err = t.removeAll(guids...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot delete the bookmark: %w", err)
	}
	return n, nil
}

// DeleteAll deletes all bookmarks, here and with the next sync everywhere, and returns how
// many items it deleted. The four folders of every browser stay, empty.
func (e *Engine) DeleteAll(ctx context.Context) (n int, err error) {
	err = e.edit(ctx, func(t *tx) error {
		var all []engine.ID
		for _, root := range roots {
			r, err := t.find(root)
			if err != nil {
				return err
			}
			in, err := t.guids(r.n)
			if err != nil {
				return err
			}
			all = append(all, in...)
		}
		n, err = t.removeAll(all...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot delete the bookmarks: %w", err)
	}
	return n, nil
}

// removeAll deletes items, and returns how many items went.
func (t *tx) removeAll(guids ...engine.ID) (n int, err error) {
	for _, guid := range guids {
		r, err := t.find(guid)
		if err != nil {
			return 0, err
		}
		if IsRoot(r.ID) {
			return 0, ErrRoot
		}
		gone, err := t.remove(r)
		if err != nil {
			return 0, err
		}
		n += gone
	}
	return n, nil
}

// remove deletes a subtree as the user: what the server may have of it gets a
// tombstone.
func (t *tx) remove(r *row) (n int, err error) {
	below, err := t.rows(sqlBelow, r.n)
	if err != nil {
		return 0, err
	}
	guids := make([]engine.ID, len(below))
	for i, b := range below {
		guids[i] = b.ID
		t.changed[b.ID] = struct{}{}
		if b.place != 0 {
			t.stale(b.place)
		}
	}
	list := guidList(guids)
	if _, err := t.Exec(sqlAddTombstones, list, t.now); err != nil {
		return 0, err
	}
	if _, err := t.Exec(sqlDelete, list); err != nil {
		return 0, err
	}
	t.renumber[r.parent] = struct{}{}
	return len(below), t.touch(r.parent)
}

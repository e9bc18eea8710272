package bookmarks

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
)

// Delete deletes the item with all that is below it, here and with the next sync everywhere,
// or returns [engine.ErrNotFound].
func (e *Engine) Delete(ctx context.Context, id engine.ID) error {
	err := e.edit(ctx, func(t *tx) error { return t.deleteItem(id) })
	if err != nil {
		return fmt.Errorf("cannot delete the bookmark: %w", err)
	}
	return nil
}

// DeleteMany deletes items with all that is below them, here and with the next sync
// everywhere, all or none. It returns the IDs of all items that it deleted. An ID that is
// not here is passed over: the item was below another of the list, or a sync deleted it
// meanwhile. The error is, among others, [ErrRoot].
func (e *Engine) DeleteMany(ctx context.Context, ids []engine.ID) (deleted []engine.ID, err error) {
	err = e.edit(ctx, func(t *tx) (err error) {
		deleted, err = t.deleteThose(ids)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot delete the bookmarks: %w", err)
	}
	return deleted, nil
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
		gone, err := t.deleteThose(all)
		n = len(gone)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot delete the bookmarks: %w", err)
	}
	return n, nil
}

// deleteItem deletes one item as the user.
func (t *tx) deleteItem(id engine.ID) error {
	r, err := t.find(id)
	if err != nil {
		return err
	}
	_, err = t.remove(r)
	return err
}

// deleteThose deletes those of the items that are here, and returns all that it deleted.
func (t *tx) deleteThose(ids []engine.ID) (deleted []engine.ID, err error) {
	for _, id := range ids {
		r, err := t.find(id)
		if errors.Is(err, engine.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		gone, err := t.remove(r)
		if err != nil {
			return nil, err
		}
		deleted = append(deleted, gone...)
	}
	return deleted, nil
}

// remove deletes an item with all that is below it as the user, and returns what it deleted.
// What the server may have of it gets a tombstone.
func (t *tx) remove(r *row) (deleted []engine.ID, err error) {
	if IsRoot(r.ID) {
		return nil, ErrRoot
	}
	below, err := t.rows(sqlBelow, r.n)
	if err != nil {
		return nil, err
	}
	deleted = make([]engine.ID, len(below))
	for i, b := range below {
		deleted[i] = b.ID
		t.changed[b.ID] = struct{}{}
		if b.place != 0 {
			t.stale(b.place)
		}
	}
	list := guidList(deleted)
	if _, err := t.Exec(sqlAddTombstones, list, t.now); err != nil {
		return nil, err
	}
	if _, err := t.Exec(sqlDelete, list); err != nil {
		return nil, err
	}
	t.renumber[r.parent] = struct{}{}
	return deleted, t.touch(r.parent)
}

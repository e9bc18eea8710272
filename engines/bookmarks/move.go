package bookmarks

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
)

// Move puts an item at a position of a folder, or at its End. The position is
// counted without the item itself.
func (e *Engine) Move(ctx context.Context, guid, folder engine.ID, at int) error {
	err := e.edit(ctx, func(t *tx) error { return t.moveTo(guid, folder, at) })
	if err != nil {
		return fmt.Errorf("cannot move the bookmark: %w", err)
	}
	return nil
}

// moveTo puts an item at a position of a folder.
func (t *tx) moveTo(guid, folder engine.ID, at int) error {
	r, err := t.find(guid)
	if err != nil {
		return err
	}
	into, err := t.folder(folder)
	if err != nil {
		return err
	}
	if IsRoot(r.ID) || into.ID == Root {
		return ErrRoot
	}
	if into.n != r.parent {
		if err := t.noCycle(r.n, into.n); err != nil {
			return err
		}
	}
	return t.move(r, into.n, at)
}

// noCycle refuses to put an item below itself.
func (t *tx) noCycle(item, folder int64) error {
	for folder != 0 {
		if folder == item {
			return ErrCycle
		}
		if err := t.QueryRow(sqlParentOf, folder).Scan(&folder); err != nil {
			return err
		}
	}
	return nil
}

// outside is a position that no sibling has, for the time of a move.
const outside = 1 << 40

func (t *tx) move(r *row, folder int64, at int) error {
	if folder == r.parent && at == r.Position {
		return nil
	}
	if _, err := t.Exec(sqlSetPosition, r.n, int64(outside)); err != nil {
		return err
	}
	if _, err := t.Exec(sqlRenumber, r.parent); err != nil {
		return err
	}
	if folder == r.parent {
		return t.moveWithin(r, at)
	}
	at, err := t.makeSpace(folder, at)
	if err != nil {
		return err
	}
	for _, n := range []int64{r.n, r.parent} {
		if err := t.touch(n); err != nil {
			return err
		}
	}
	if _, err := t.Exec(sqlSetPlace, r.n, folder, at); err != nil {
		return err
	}
	return t.touch(folder)
}

// moveWithin moves an item within its folder, where it is the last one for now.
func (t *tx) moveWithin(r *row, at int) error {
	var end int
	if err := t.QueryRow(sqlLastPosition, r.parent).Scan(&end); err != nil {
		return err
	}
	if at < 0 || at >= end-1 {
		at = end - 1
	} else if _, err := t.Exec(sqlShift, r.parent, at); err != nil {
		return err
	}
	if at == r.Position {
		_, err := t.Exec(sqlSetPosition, r.n, at)
		return err
	}
	t.renumber[r.parent] = struct{}{}
	if _, err := t.Exec(sqlSetPlace, r.n, r.parent, at); err != nil {
		return err
	}
	return t.touch(r.parent)
}

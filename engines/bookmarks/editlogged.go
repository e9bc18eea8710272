package bookmarks

import (
	"context"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
)

// EditLogged is [Engine.Edit] for changes that a program makes and not the user at this device:
// the log lists them as the run, and [Engine.Undo] reverts them. Edits of one run are one entry
// of the log. An empty run is named for the time.
func (e *Engine) EditLogged(ctx context.Context, run string, f func(tx *Tx) error) error {
	return e.edit(ctx, func(t *tx) error {
		undo := newUndoRecorder()
		if err := f(&Tx{tx: t, undo: undo}); err != nil {
			return err
		}
		if err := t.settle(); err != nil { // the log has positions
			return err
		}
		return undo.write(t, run)
	})
}

func (t *Tx) recordAdded(id engine.ID) {
	if t.undo != nil {
		t.undo.add(id)
	}
}

func (t *Tx) recordTree(n *Node) {
	t.recordAdded(n.ID)
	for _, c := range n.Children {
		t.recordTree(c)
	}
}

func (t *Tx) recordChanged(r *row) {
	if t.undo != nil {
		t.undo.change(r)
	}
}

func (t *Tx) recordMoved(id engine.ID) error {
	if t.undo == nil {
		return nil
	}
	r, err := t.tx.find(id)
	if err == nil {
		t.undo.move(r)
	}
	return err
}

// recordDeleted records an item and all that is below it.
func (t *Tx) recordDeleted(id engine.ID) error {
	if t.undo == nil {
		return nil
	}
	r, err := t.tx.find(id)
	if err != nil {
		return err
	}
	below, err := t.tx.rows(sqlBelow, r.n)
	for _, b := range below {
		t.undo.remove(b)
	}
	return err
}

// Order sorts a folder: ids are all that is in it, each once, in the new order. Otherwise
// nothing is changed, and the error is an [engine.InvalidError].
func (t *Tx) Order(folder engine.ID, ids []engine.ID) error {
	f, err := t.tx.folder(folder)
	if err != nil {
		return err
	}
	if f.ID == Root {
		return ErrRoot
	}
	if err := t.tx.settle(); err != nil {
		return err
	}
	was, err := t.tx.guids(f.n)
	if err != nil {
		return err
	}
	if !samePermuted(was, ids) {
		return &engine.InvalidError{Reason: fmt.Errorf("the new order of the folder %q does not name exactly what is in it", folder)}
	}
	moved := 0
	for i, id := range ids {
		if was[i] == id {
			continue
		}
		moved++
		if _, err := t.tx.Exec(sqlSetPositionOf, id, i); err != nil {
			return err
		}
	}
	if moved == 0 {
		return nil
	}
	if t.undo != nil {
		t.undo.reorder(f, was, moved)
	}
	return t.tx.touch(f.n)
}

// samePermuted reports whether two lists have the same IDs, each once.
func samePermuted(a, b []engine.ID) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b) && len(slices.Compact(b)) == len(a)
}

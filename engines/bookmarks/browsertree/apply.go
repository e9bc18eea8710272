package browsertree

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// apply brings the store to the outcome, and returns the items that the store refused, which the
// outcome then lacks.
func (m *merged) apply(tx *bookmarks.Tx, store *side) error {
	var failed error
	m.each(func(it *item) {
		if failed == nil {
			failed = m.applyItem(tx, store.items[it.guid], it)
		}
	})
	if failed != nil {
		return failed
	}
	for _, id := range m.deletions(store) {
		// What was below it and stays has been moved; it may be gone with its folder.
		if err := tx.Delete(id); err != nil && !errors.Is(err, engine.ErrNotFound) {
			return fmt.Errorf("cannot delete the bookmark %q: %w", store.items[id].value.Title, err)
		}
	}
	return m.sort(tx)
}

// applyItem adds, changes or moves one item; was is nil for one that the store does not have.
func (m *merged) applyItem(tx *bookmarks.Tx, was, it *item) (err error) {
	switch was {
	case nil:
		to := bookmarks.Item{ID: it.guid, Kind: it.kind, Parent: it.parent, Title: it.value.Title, URL: it.value.URL}
		if it.added > 0 {
			to.Added = time.UnixMilli(it.added)
		}
		err = tx.Add(&to)
	default:
		if m.changes(was, it) {
			var now bookmarks.Item
			if now, err = tx.Get(it.guid); err == nil {
				now.Title = it.value.Title
				if now.Kind != bookmarks.Folder {
					now.URL = it.value.URL
				}
				err = tx.Update(&now)
			}
		}
		if err == nil && was.parent != it.parent {
			err = tx.Move(it.guid, it.parent, bookmarks.End)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot store the bookmark %.120q: %w", it.value.Title, err)
	}
	return nil
}

// changes reports whether the store gets another value.
func (m *merged) changes(was, it *item) bool {
	return m.source[it.guid] == tree.FromLocal && was.value != it.value
}

// deletions lists the items of a side that are not in the outcome, those of a folder before it.
// That of the browser has its own names for them.
func (m *merged) deletions(s *side) (gone []engine.ID) {
	s.each(func(it *item) {
		if m.items[it.guid] == nil {
			gone = append(gone, it.guid)
		}
	})
	slices.Reverse(gone)
	return gone
}

// sort brings the items of the folders into the outcome's order.
func (m *merged) sort(tx *bookmarks.Tx) error {
	for folder, children := range m.children {
		if folder == bookmarks.Root {
			continue
		}
		now, err := tx.Children(folder)
		if err != nil {
			return err
		}
		if slices.EqualFunc(now, children, func(a bookmarks.Item, id engine.ID) bool { return a.ID == id }) {
			continue
		}
		if err := tx.Order(folder, children); err != nil {
			return err
		}
	}
	return nil
}

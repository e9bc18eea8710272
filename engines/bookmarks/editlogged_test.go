package bookmarks_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// A program's edits are in the log, and can be taken back.
func TestEditLogged(t *testing.T) {
	t.Parallel()
	d := newAccount().device(t)
	folder := d.addFolder(bookmarks.Menu, "f")
	inner := d.add(folder, "in f")
	a, b := d.add(bookmarks.Menu, "a"), d.add(bookmarks.Menu, "b")
	err := d.EditLogged(t.Context(), "a run", func(tx *bookmarks.Tx) error {
		it, err := tx.Get(a)
		it.Title = "A"
		added := &bookmarks.Item{Title: "new", URL: "https://new.example/", Parent: bookmarks.Menu}
		return errors.Join(err, tx.Update(&it), tx.Move(inner, bookmarks.Toolbar, 0), tx.Delete(folder), tx.Add(added), tx.Order(bookmarks.Menu, []engine.ID{b, added.ID, a}))
	})
	if err != nil {
		t.Fatal(err)
	}
	d.want(bookmarks.Menu, "b", "new", "A")
	d.want(bookmarks.Toolbar, "in f")
	log, err := d.Log(t.Context())
	if err != nil || len(log) != 1 || log[0].Run != "a run" || log[0].Added != 1 || log[0].Changed != 1 || log[0].Deleted != 1 {
		t.Fatalf("the log is %+v: %v", log, err)
	}
	if _, err := d.Undo(t.Context(), "a run"); err != nil {
		t.Fatal(err)
	}
	d.want(bookmarks.Menu, "f/", "a", "b")
	d.want(folder, "in f")
	d.sound()
}

// An order that does not name exactly what is in the folder changes nothing.
func TestOrderOfAnotherFolder(t *testing.T) {
	t.Parallel()
	d := newAccount().device(t)
	a, b := d.add(bookmarks.Menu, "a"), d.add(bookmarks.Menu, "b")
	for _, ids := range [][]engine.ID{nil, {a}, {a, a}, {b, a, a}, {b, "aaaaaaaaaaaa"}} {
		err := d.Edit(t.Context(), func(tx *bookmarks.Tx) error { return tx.Order(bookmarks.Menu, slices.Clone(ids)) })
		if !errors.As(err, new(*engine.InvalidError)) {
			t.Errorf("%v: %v", ids, err)
		}
	}
	if err := d.Edit(t.Context(), func(tx *bookmarks.Tx) error { return tx.Order(bookmarks.Root, nil) }); !errors.Is(err, bookmarks.ErrRoot) {
		t.Errorf("the order of the roots: %v", err)
	}
	d.want(bookmarks.Menu, "a", "b")
}

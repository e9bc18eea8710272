package collection_test

import (
	"context"
	"errors"
	"testing"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
)

// panics tells whether f panics with "a bug".
func panics(f func()) (did bool) {
	defer func() { did = recover() == "a bug" }()
	f()
	return false
}

// What an app's functions panic with reaches the app, or fails the one record. Nothing is
// kept of the transaction, and the store goes on.
func TestAPanicOfTheAppKeepsNothingAndLocksNothing(t *testing.T) {
	t.Parallel()
	broken := false
	bug := func() {
		if broken {
			panic("a bug")
		}
	}
	o := collection.Options[note]{
		Valid: func(n note) error { bug(); return hasTitle(n) },
		Same:  func(n note) string { bug(); return n.Title },
	}
	p := newPair(t, o)
	n := p.share(note{Title: "x"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	edit := func(f func(tx *collection.Tx[note]) error) error { return p.b.Edit(ctx, f) }
	for name, do := range map[string]func(){
		"Edit": func() {
			_ = edit(func(tx *collection.Tx[note]) error {
				check(t, tx.Add(&note{Title: "half"}))
				broken = true
				bug()
				return nil
			})
		},
		"Same": func() {
			_ = edit(func(tx *collection.Tx[note]) error {
				check(t, tx.Delete(n.ID))
				broken = true
				_, err := tx.Same(note{Title: "x"})
				return err
			})
		},
		"the name of an import's item": func() {
			source := func(yield func(note, error) bool) { _ = yield(note{Title: "y"}, nil) && yield(note{}, nil) }
			_, _ = p.b.Import(ctx, source, func(*note) string { broken = true; bug(); return "" }, importing.Options{})
		},
	} {
		if did := panics(do); !did {
			t.Errorf("the app does not hear of the panic in %s", name)
		}
		broken = false
		if got := list(t, p.b); len(got) != 1 || got[0] != "x: 0 { }" {
			t.Fatalf("after a panic in %s there are %q", name, got)
		}
	}
	broken = true
	_, err := p.b.Add(ctx, note{Title: "z"})
	if _, ok := errors.AsType[*engine.InvalidError](err); !ok {
		t.Errorf("with a Valid that panics, Add gives %v", err)
	}
	broken = false
	if err := edit(func(tx *collection.Tx[note]) error { return tx.Add(&note{Title: "y"}) }); err != nil {
		t.Fatal(err)
	}
	want(p, "x: 0 { }", "y: 0 { }")
}

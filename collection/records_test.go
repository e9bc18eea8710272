package collection_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
)

func TestRecords(t *testing.T) {
	t.Parallel()
	e := open(t, newCloud(), collection.Options[note]{Valid: hasTitle})
	ctx := t.Context()
	n := add(t, e, note{Title: "x"})
	if n.ID == "" {
		t.Error("it got no id")
	}
	n.Text = "text"
	_, err := e.Update(ctx, n)
	check(t, err)
	if got, err := e.Get(ctx, n.ID); err != nil || got.Text != "text" {
		t.Errorf("got %+v, %v", got, err)
	}
	own := note{ID: "own", Title: "y"}
	for range 2 { // the second finds it there
		_, err = e.Put(ctx, own)
		check(t, err)
		own.Title = "z"
	}
	if _, err := e.Add(ctx, own); !errors.Is(err, engine.ErrDuplicate) {
		t.Errorf("a second of one id: %v", err)
	}
	for n, err := range e.Find(ctx, func(n note) bool { return n.Title == "z" }) {
		if err != nil || n.ID != "own" {
			t.Errorf("found %+v, %v", n, err)
		}
	}
	check(t, e.Delete(ctx, n.ID))
	if got := list(t, e); !slices.Equal(got, []string{"z: 0 { }"}) {
		t.Errorf("left are %q", got)
	}
}

func TestEditsThatAreNone(t *testing.T) {
	t.Parallel()
	e := open(t, newCloud(), collection.Options[note]{Valid: hasTitle})
	ctx := t.Context()
	if _, err := e.Get(ctx, "x"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := e.Delete(ctx, "x"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("Delete: %v", err)
	}
	if _, err := e.Update(ctx, note{ID: "x", Title: "x"}); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("Update: %v", err)
	}
	if _, err := e.Update(ctx, note{Title: "x"}); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("Update without an id: %v", err)
	}
	for _, n := range []note{{}, {ID: "\x00", Title: "x"}} {
		_, err := e.Add(ctx, n)
		if _, ok := errors.AsType[*engine.InvalidError](err); !ok {
			t.Errorf("%q was added: %v", n.ID, err)
		}
	}
	type number struct {
		ID collection.ID `json:"id"`
		N  float64       `json:"n"`
	}
	numbers := open(t, newCloud(), collection.Options[number]{})
	if _, err := numbers.Add(ctx, number{N: math.NaN()}); err == nil {
		t.Error("what JSON cannot say was added")
	}
	stop := errors.New("stop")
	err := e.Edit(ctx, func(tx *collection.Tx[note]) error {
		check(t, tx.Add(&note{ID: "x", Title: "x"}))
		check(t, tx.Put(&note{ID: "x", Title: "y"}))
		check(t, tx.Delete("x"))
		check(t, tx.Add(&note{Title: "z"}))
		return stop
	})
	if n, _ := e.Count(ctx); !errors.Is(err, stop) || n != 0 {
		t.Errorf("after an edit that gave up with %v there are %d records", err, n)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	e := open(t, newCloud(), collection.Options[note]{Valid: hasTitle, Same: func(n note) string { return n.Title }})
	var source iter.Seq2[note, error] = func(yield func(note, error) bool) {
		_ = yield(note{Title: "x"}, nil) && yield(note{Title: "x"}, nil) && yield(note{Text: "no title"}, nil) &&
			yield(note{}, &importing.Skip{Line: 4, Reason: "it is torn"})
	}
	got, err := e.Import(t.Context(), source, func(n *note) string { return n.Text }, importing.Options{})
	if want := "{Format: Read:4 Added:1 Updated:0 Duplicates:1 Skipped:2 Skips:[{Line:4 Item: Reason:it is torn} {Line:0 Item:no title Reason:it has no title}] Visits:0 Notes:[]}"; err != nil || fmt.Sprintf("%+v", got) != want {
		t.Errorf("imported %+v, %v, want %s", got, err, want)
	}
}

// patience bounds the wait for a change that never comes.
const patience = time.Minute

// next waits for the next change, and tells what it holds.
func next(changes func() (engine.Change, bool)) string {
	c, ok := changes()
	return fmt.Sprint(c.User, c.Sync, c.IDs, ok)
}

func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	p := newPair(t, collection.Options[note]{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	onA, stopA := iter.Pull(p.a.Watch(ctx))
	defer stopA()
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	onB, stopB := iter.Pull(p.b.Watch(ctx))
	defer stopB()
	told := 0
	p.b.OnChange(func() { told++ })

	for _, id := range []collection.ID{"1", "2"} { // nobody looks meanwhile
		add(t, p.a, note{ID: id, Title: "x"})
	}
	if got := next(onA); got != "true false [1 2] true" {
		t.Errorf("after two edits: %s", got)
	}
	p.sync(p.a, p.b)
	if got := next(onB); got != "false true [1 2] true" || told != 0 {
		t.Errorf("after a sync that brought them: %s; told of %d changes by the user", got, told)
	}
	p.sync(p.a, p.b) // nothing
	edit(t, p.a, "1", title("a"))
	check(t, p.a.Delete(t.Context(), "2"))
	add(t, p.b, note{ID: "3", Title: "b"})
	p.sync(p.a, p.b)
	if got := next(onB); got != "true true [1 2 3] true" || told != 1 {
		t.Errorf("after an edit and a sync: %s; told of %d changes by the user", got, told)
	}
	err := p.b.Edit(t.Context(), func(tx *collection.Tx[note]) error {
		return errors.Join(tx.Put(&note{ID: "1", Title: "c"}), errors.New("stop"))
	})
	if err == nil || told != 1 {
		t.Errorf("an edit that was not kept is told")
	}
	edit(t, p.b, "1", title("a")) // as it is
	check(t, p.b.Wipe(t.Context()))
	if got := next(onB); got != "false false [] true" {
		t.Errorf("after Wipe: %s", got)
	}
	cancel()
	if got := next(onB); got != "false false [] false" {
		t.Errorf("after the end of its context: %s", got)
	}
	check(t, p.a.Wipe(t.Context()))
	next(onA)
	other, stop := iter.Pull(p.a.Watch(t.Context()))
	defer stop()
	check(t, p.a.Close())
	for _, changes := range []func() (engine.Change, bool){onA, other} {
		if got := next(changes); got != "false false [] false" {
			t.Errorf("after Close: %s", got)
		}
	}
	for range p.a.Watch(t.Context()) {
		t.Error("a closed collection tells of a change")
	}
}

// A first sync's thousands are told in one change that names none of them.
func TestManyChangesAreToldAsOne(t *testing.T) {
	t.Parallel()
	p := newPair(t, collection.Options[note]{})
	check(t, p.a.Edit(t.Context(), func(tx *collection.Tx[note]) error {
		for range 1200 {
			if err := tx.Add(&note{Title: "x"}); err != nil {
				return err
			}
		}
		return nil
	}))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	changes, stop := iter.Pull(p.b.Watch(ctx))
	defer stop()
	p.sync(p.a, p.b)
	if got := next(changes); got != "false true [] true" {
		t.Errorf("after a first sync: %.100s", got)
	}
	if err := p.b.Reset(t.Context(), engine.Association{}); err != nil {
		t.Fatal(err)
	}
	edit(t, p.b, one(t, p.b), title("y"))
	if c, ok := changes(); len(c.IDs) != 1 || !ok {
		t.Errorf("after that, an edit is told as %v", c)
	}
}

func TestDeleteAllScrubAndMaintain(t *testing.T) {
	t.Parallel()
	p := newPair(t, collection.Options[note]{})
	for _, title := range []string{"x", "y"} {
		p.share(note{Title: title})
	}
	if scrubbed, err := p.a.Scrub(t.Context()); err != nil || scrubbed != (engine.Scrubbed{}) {
		t.Errorf("of a sound file, Scrub drops %+v, %v", scrubbed, err)
	}
	if n, err := p.a.DeleteAll(t.Context()); err != nil || n != 2 {
		t.Errorf("DeleteAll deletes %d, %v", n, err)
	}
	p.sync(p.a, p.b)
	if left := list(t, p.b); len(left) != 0 {
		t.Errorf("the other device still has %q", left)
	}
	if _, err := p.a.Maintain(t.Context()); err != nil {
		t.Error(err)
	}
}

package bookmarks_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// startOver empties the collection and fills it with what a device has.
func (d *device) startOver() {
	d.t.Helper()
	clear(d.a.records)
	if err := d.Reset(d.t.Context(), engine.Association{Global: "afresh"}); err != nil {
		d.t.Fatal(err)
	}
	d.sync()
}

func (d *device) command() {
	d.t.Helper()
	if err := d.Clear(d.t.Context(), engine.Start{}); err != nil {
		d.t.Fatal(err)
	}
}

func TestACommandToWipeLeavesWhatIsUnsent(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.two.add(p.f, "unsent")
	p.two.rename(p.b, "edited")
	// The other device restores a backup that has only a and b.
	p.one.remove(p.c)
	p.one.remove(p.f)
	p.one.startOver()
	p.two.command()
	p.two.start.Run = "cleared"
	p.two.sync()
	p.two.want(bookmarks.Menu, "a", "edited", "unsent")
	log, err := p.two.Log(t.Context())
	if err != nil || len(log) == 0 || log[0].Run != "cleared" || log[0].Deleted != 3 {
		t.Fatalf("the log is %+v, %v; want three deleted", log, err)
	}
	p.settle(t)
	if u := p.two.undo(""); u.Restored != 3 || u.Removed != 0 {
		t.Fatalf("undone: %+v; want three restored", u)
	}
	p.settle(t)
	p.one.want(bookmarks.Menu, "a", "edited", "c", "f/")
	p.one.want(p.f, "x", "unsent")
}

// The command deletes nothing while all records are still on the server.
func TestACommandToWipeWhatIsAllThere(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	before, err := p.two.Log(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.two.add(bookmarks.Menu, "unsent")
	p.two.command()
	p.two.sync()
	p.settle(t)
	p.one.want(bookmarks.Menu, "a", "b", "c", "f/", "unsent")
	if log, err := p.two.Log(t.Context()); err != nil || len(log) != len(before) {
		t.Fatalf("the log is %+v, %v; want nothing new", log, err)
	}
}

func TestACommandToWipeIsHeld(t *testing.T) {
	t.Parallel()
	a := newAccount()
	one, two := a.device(t), a.device(t)
	folder := one.addFolder(bookmarks.Menu, "many")
	for i := range 30 {
		one.add(folder, fmt.Sprint("page ", i))
	}
	one.sync()
	two.sync()
	one.remove(folder)
	one.add(bookmarks.Menu, "new")
	one.startOver()
	two.command()
	server := maps.Clone(a.records)
	for range 2 {
		_, _, err := two.trySync()
		var hold *engine.TooManyDeletionsError
		if !errors.As(err, &hold) || hold.Deletions != 31 {
			t.Fatalf("%v; want 31 items held", err)
		}
		two.want(bookmarks.Menu, "many/")
	}
	if len(server) != len(a.records) {
		t.Fatal("something went up")
	}
	two.start.AcceptDeletions = true
	two.sync()
	two.want(bookmarks.Menu, "new")
	rest(t, one, two)
}

// Items that come back after a wipe of this device do not count as added: undoing that would
// delete them on all devices.
func TestNothingIsUndoneAfterAWipeHere(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	if err := p.two.Wipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.two.sync()
	p.two.want(bookmarks.Menu, "a", "b", "c", "f/")
	if u, err := p.two.Undo(t.Context(), ""); !errors.Is(err, engine.ErrNoRun) {
		t.Fatalf("undone: %+v, %v; want nothing to undo", u, err)
	}
	p.one.rename(p.a, "A")
	p.one.sync()
	p.two.sync()
	if u := p.two.undo(""); u.Reverted != 1 {
		t.Fatalf("undone: %+v", u)
	}
}

// An account that was started over takes all that devices have, uploaded before or not.
func TestAFreshStartOfTheAccount(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.two.add(bookmarks.Menu, "unsent")
	p.one.startOver()
	if err := p.two.Reset(t.Context(), engine.Association{Global: "afresh"}); err != nil {
		t.Fatal(err)
	}
	p.settle(t)
	p.one.want(bookmarks.Menu, "a", "b", "c", "f/", "unsent")
}

package bookmarks_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// restore puts the server back to an earlier state.
func (p *pair) restore(records map[engine.ID]engine.Incoming) {
	p.one.a.records = maps.Clone(records)
	for _, d := range []*device{p.one, p.two} {
		if err := d.Reset(d.t.Context(), engine.Association{Global: "restored"}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// A server that is restored from a backup does not bring back items that were deleted after
// the backup.
func TestWhatARestoredServerBringsBackIsDeletedAgain(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	backup := maps.Clone(p.one.a.records)
	p.one.remove(p.c)
	p.one.remove(p.f)
	p.settle(t)
	p.restore(backup)
	p.one.start.Run = "restored"
	p.one.sync()
	p.settle(t)
	p.one.want(bookmarks.Menu, "a", "b")
	p.two.want(bookmarks.Menu, "a", "b")
	if in := p.one.a.records[p.c]; !in.Tombstone() {
		t.Errorf("the server has %s", in.Payload)
	}
	if u := p.one.undo("restored"); u.Restored != 3 {
		t.Fatalf("undone: %+v; want the folder with its item, and another", u)
	}
	p.settle(t)
	p.two.want(bookmarks.Menu, "a", "b", "c", "f/")
}

// The user may have restored the server to get the deleted items back.
func TestWhatARestoredServerBringsBackStaysIfTheAccountWins(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	backup := maps.Clone(p.one.a.records)
	p.one.remove(p.c)
	p.settle(t)
	p.restore(backup)
	p.one.start.Prefer = engine.PreferRemote
	p.one.sync()
	p.settle(t)
	p.one.want(bookmarks.Menu, "a", "b", "c", "f/")
	p.two.want(bookmarks.Menu, "a", "b", "c", "f/")
}

func TestManyDeletionsAgainAreHeld(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for i := range 30 {
		p.one.add(bookmarks.Toolbar, fmt.Sprint("page ", i))
	}
	p.settle(t)
	backup := maps.Clone(p.one.a.records)
	items, err := p.one.Children(t.Context(), bookmarks.Toolbar)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		p.one.remove(it.ID)
	}
	p.one.sync()
	p.two.start.AcceptDeletions = true
	p.two.sync()
	p.restore(backup)
	hold := new(engine.TooManyDeletionsError)
	if _, _, err := p.two.trySync(); !errors.As(err, &hold) || hold.Deletions != 30 {
		t.Fatalf("synced with %v; want 30 deletions held", err)
	}
	if n, err := p.two.Changes(t.Context()); n != 0 || err != nil {
		t.Errorf("%d changes to send, %v; want none before the user's word", n, err)
	}
}

// Another device fills the server again while this one finds it empty.
func TestADeletionOutlivesAnEmptyServer(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	full := maps.Clone(p.one.a.records)
	p.one.remove(p.c)
	p.restore(nil)
	p.one.a.records = map[engine.ID]engine.Incoming{}
	p.one.lose = 1
	p.one.sync()
	p.one.a.records = map[engine.ID]engine.Incoming{}
	for id, in := range full {
		in.Modified = p.one.a.tick()
		p.one.a.records[id] = in
	}
	p.settle(t)
	p.one.want(bookmarks.Menu, "a", "b", "f/")
	p.two.want(bookmarks.Menu, "a", "b", "f/")
}

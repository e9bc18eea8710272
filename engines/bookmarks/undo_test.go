package bookmarks_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (d *device) undo(run string) engine.Undone {
	d.t.Helper()
	d.a.tick()
	u, err := d.Undo(d.t.Context(), run)
	if err != nil {
		d.t.Fatal(err)
	}
	return u
}

// a sync that did everything at once.
func busySync(t *testing.T) *pair {
	p := newPair(t)
	p.one.rename(p.a, "A")
	p.one.move(p.b, bookmarks.Toolbar, 0)
	p.one.remove(p.f)
	p.one.add(p.one.addFolder(bookmarks.Menu, "new"), "newer")
	p.one.move(p.c, bookmarks.Menu, 0)
	p.one.sync()
	p.two.start.Run = "busy"
	p.two.sync()
	p.two.want(bookmarks.Menu, "c", "A", "new/")
	return p
}

func TestLogCountsWhatASyncDid(t *testing.T) {
	t.Parallel()
	p := busySync(t)
	log, err := p.two.Log(t.Context())
	if err != nil || len(log) != 2 {
		t.Fatalf("%+v, %v; want two syncs", log, err)
	}
	got := log[0]
	got.At = time.Time{}
	if want := (engine.LogEntry{Run: "busy", Added: 2, Changed: 1, Moved: 2, Deleted: 2}); got.Run != want.Run ||
		got.Added != want.Added || got.Changed != want.Changed || got.Moved != want.Moved || got.Deleted != want.Deleted {
		t.Fatalf("the log says %+v; want %+v", got, want)
	}
}

func TestUndoTakesASyncBackEverywhere(t *testing.T) {
	t.Parallel()
	p := busySync(t)
	u := p.two.undo("")
	if want := (engine.Undone{Run: "busy", Restored: 2, Reverted: 2, Moved: 1, Removed: 2}); u != want {
		t.Fatalf("undone: %+v; want %+v", u, want)
	}
	p.two.want(bookmarks.Menu, "a", "b", "c", "f/")
	p.two.want(p.f, "x")
	p.two.want(bookmarks.Toolbar)
	if _, err := p.two.Undo(t.Context(), "busy"); !errors.Is(err, engine.ErrUndone) {
		t.Fatalf("a second undo: %v", err)
	}
	p.settle(t)
	p.one.want(bookmarks.Menu, "a", "b", "c", "f/")
	p.one.want(p.f, "x")
}

func TestUndoLeavesWhatWasEditedSince(t *testing.T) {
	t.Parallel()
	p := busySync(t)
	p.two.rename(p.a, "mine")             // was renamed by the sync
	p.two.move(p.b, bookmarks.Unfiled, 0) // was moved
	items, _ := p.two.Children(t.Context(), bookmarks.Menu)
	p.two.add(items[2].ID, "in the new folder") // was added
	u := p.two.undo("busy")
	if u.Restored != 2 || u.Removed != 1 || u.Kept != 3 {
		t.Fatalf("undone: %+v", u)
	}
	if p.two.get(p.a).Title != "mine" || p.two.get(p.b).Parent != bookmarks.Unfiled {
		t.Fatal("an edit made since was undone, too")
	}
	p.two.want(items[2].ID, "in the new folder")
	p.settle(t)
}

func TestUndoOfAFirstSync(t *testing.T) {
	t.Parallel()
	a := newAccount()
	one, two := a.device(t), a.device(t)
	one.add(bookmarks.Menu, "theirs")
	one.sync()
	two.add(bookmarks.Menu, "mine")
	two.sync()
	two.undo("")
	two.want(bookmarks.Menu, "mine")
	if _, err := two.Undo(t.Context(), ""); !errors.Is(err, engine.ErrNoRun) {
		t.Fatalf("another undo: %v; want none left", err)
	}
	two.sync()
	one.sync()
	one.want(bookmarks.Menu, "mine")
}

func TestUndoRestoresTagsAndUnknownMembers(t *testing.T) {
	t.Parallel()
	a := newAccount()
	a.put("menu", `{"id":"menu","type":"folder","parentid":"places","title":"menu","children":["bookmark____"]}`)
	a.put("bookmark____", `{"id":"bookmark____","type":"bookmark","parentid":"menu","title":"t","bmkUri":"https://example.org/","tags":["x"],"keyword":"k","strange":{"a":1}}`)
	d := a.device(t)
	d.sync()
	a.delete("bookmark____")
	a.put("menu", `{"id":"menu","type":"folder","parentid":"places","title":"menu","children":[]}`)
	d.sync()
	d.undo("")
	if it := d.get("bookmark____"); !slices.Equal(it.Tags, []string{"x"}) || it.Keyword != "k" {
		t.Fatalf("it is back as %+v", it)
	}
	d.sync()
	if got := a.record(t, "bookmark____"); got["strange"] == nil {
		t.Fatalf("it went up as %v", got)
	}
}

func TestOldSyncsLeaveTheLog(t *testing.T) {
	t.Parallel()
	p := busySync(t)
	p.account.at += engine.Timestamp(100 * 24 * 60 * 60 * 100)
	p.one.rename(p.a, "later")
	p.one.sync()
	p.two.sync()
	log, err := p.two.Log(t.Context())
	if err != nil || len(log) != 1 || log[0].Changed != 1 {
		t.Fatalf("%+v, %v; want the new sync alone", log, err)
	}
}

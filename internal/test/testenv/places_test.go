package testenv_test

import (
	"slices"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// A bookmark, its folder and a page are damaged on the server. A device that never had them
// waits; the one with good copies sends each once; then nothing more is sent.
func TestADamagedBookmarkMakesNoBrowserRestless(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	ctx := t.Context()
	a := w.Browser("a", ann)
	folder, err := a.Bookmarks.Insert(ctx, bookmarks.Item{Parent: bookmarks.Menu, Kind: bookmarks.Folder, Title: "f"}, bookmarks.End)
	must(t, err)
	mark, err := a.Bookmarks.Insert(ctx, bookmarks.Item{Parent: folder.ID, Title: "b", URL: "https://b.example/"}, bookmarks.End)
	must(t, err)
	page, err := a.History.AddVisit(ctx, "https://h.example/", "h", history.Visit{})
	must(t, err)
	a.Sync()
	old := w.Browser("old", ann)
	old.Sync()
	damaged := map[string][]string{"bookmarks": {string(folder.ID), string(mark.ID)}, "history": {string(page.ID)}}
	for name, ids := range damaged {
		var all []syncmanager.Record
		for r, err := range a.Manager.Records().List(ctx, name, false) {
			must(t, err)
			all = append(all, r)
		}
		for _, r := range all {
			if slices.Contains(ids, string(r.ID)) {
				r.Cleartext, r.Sealed = nil, "oops"
				_, err := a.Manager.Records().Put(ctx, name, r, r.Modified)
				must(t, err)
			}
		}
	}
	fresh := w.Browser("fresh", ann)
	for round := range 3 {
		if r := fresh.Sync(); round > 0 && r.Engines["bookmarks"].Uploaded+r.Engines["history"].Uploaded > 0 {
			t.Errorf("round %d: a device without the good copies sends %+v", round, r.Engines)
		}
	}
	sent := 0
	for round := range 6 {
		for _, d := range []*testenv.Device{fresh, old, a} {
			r, err := d.Manager.Sync(ctx, syncmanager.Options{})
			must(t, err)
			n := r.Engines["bookmarks"].Uploaded + r.Engines["history"].Uploaded
			if sent += n; n > 0 && round > 0 || round >= 3 && r.Requests != 1 {
				t.Errorf("round %d: %s sends %d and asks %d times", round, d.Name, n, r.Requests)
			}
		}
	}
	if sent != 3 {
		t.Errorf("%d records were sent; want the three good copies", sent)
	}
	for _, d := range []*testenv.Device{fresh, old, a} {
		if it, err := d.Bookmarks.Get(ctx, mark.ID); err != nil || it.Parent != folder.ID {
			t.Errorf("%s has %+v, %v", d.Name, it, err)
		}
		if _, err := d.History.Get(ctx, page.ID); err != nil {
			t.Errorf("%s has no page: %v", d.Name, err)
		}
	}
}

// Another device tells this one to wipe its bookmarks, as Firefox does before it restores a
// backup: what was not uploaded from here is uploaded, and undo does not offer to delete what
// stayed.
func TestAWipeFromElsewhereKeepsUnsentBookmarks(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	ctx := t.Context()
	a, b := w.Browser("a", ann), w.Browser("b", ann)
	add := func(d *testenv.Device, title string) bookmarks.Item {
		it, err := d.Bookmarks.Insert(ctx, bookmarks.Item{Title: title, URL: "https://" + title + ".example/"}, bookmarks.End)
		must(t, err)
		return it
	}
	gone, kept := add(a, "gone"), add(a, "kept")
	a.Sync()
	b.Sync()
	a.Sync()
	unsent := add(b, "unsent")
	must(t, a.Bookmarks.Delete(ctx, gone.ID))
	must(t, a.Manager.Records().DeleteCollection(ctx, "bookmarks"))
	must(t, a.Manager.Reset(ctx, "bookmarks"))
	for _, d := range a.Manager.Devices() {
		if !d.Local {
			must(t, a.Manager.SendCommand(ctx, d.ID, "wipeEngine", "bookmarks"))
		}
	}
	a.Sync()
	b.Sync()
	titles := func(d *testenv.Device) (all []string) {
		items, err := d.Bookmarks.Children(ctx, bookmarks.Unfiled)
		must(t, err)
		for _, it := range items {
			all = append(all, it.Title)
		}
		return all
	}
	if got := titles(b); !slices.Equal(got, []string{"kept", "unsent"}) {
		t.Fatalf("b has %q; want what the account has and what was unsent", got)
	}
	u, err := b.Bookmarks.Undo(ctx, "")
	if err != nil || u.Restored != 1 || u.Removed != 0 {
		t.Fatalf("undone: %+v, %v; want what was taken away, and no more", u, err)
	}
	for range 2 {
		b.Sync()
		a.Sync()
	}
	for _, d := range []*testenv.Device{a, b} {
		if got := titles(d); len(got) != 3 {
			t.Errorf("%s has %q", d.Name, got)
		}
		for _, it := range []bookmarks.Item{gone, kept, unsent} {
			if _, err := d.Bookmarks.Get(ctx, it.ID); err != nil {
				t.Errorf("%s lacks %s: %v", d.Name, it.Title, err)
			}
		}
	}
}

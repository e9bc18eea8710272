package testworld_test

import (
	"slices"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/testworld"
)

// A bookmark, its folder and a page are damaged on the server. A device that never had
// them waits; the one that has the good copies sends each once; then all rest.
func TestADamagedBookmarkMakesNoBrowserRestless(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	ctx := t.Context()
	a := w.Browser("a", ann)
	folder, err := a.Bookmarks.Add(ctx, bookmarks.Item{Parent: bookmarks.Menu, Kind: bookmarks.Folder, Title: "f"}, bookmarks.End)
	must(t, err)
	mark, err := a.Bookmarks.Add(ctx, bookmarks.Item{Parent: folder.GUID, Title: "b", URL: "https://b.example/"}, bookmarks.End)
	must(t, err)
	page, err := a.History.Add(ctx, "https://h.example/", "h", history.Visit{})
	must(t, err)
	a.Sync()
	old := w.Browser("old", ann)
	old.Sync()
	damaged := map[string][]string{"bookmarks": {string(folder.GUID), string(mark.GUID)}, "history": {string(page.ID)}}
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
		for _, d := range []*testworld.Device{fresh, old, a} {
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
	for _, d := range []*testworld.Device{fresh, old, a} {
		if it, err := d.Bookmarks.Get(ctx, mark.GUID); err != nil || it.Parent != folder.GUID {
			t.Errorf("%s has %+v, %v", d.Name, it, err)
		}
		if _, err := d.History.Get(ctx, page.ID); err != nil {
			t.Errorf("%s has no page: %v", d.Name, err)
		}
	}
}

package testenv_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/long"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// A folder has so many children that its record is too large for the server. The result names
// the folder, the other device keeps its copy, and nothing more is sent. When the record fits
// again, all of it arrives.
func TestAFolderOf150000(t *testing.T) {
	const few = 100_000
	many := long.Of(0, 150_000)
	if many == 0 {
		t.Skip("it takes a minute: -long runs it, and engines/bookmarks has the same with a small limit")
	}
	t.Parallel()
	w := testenv.New(t)
	ctx := t.Context()
	a, b := w.Browser("a", ann), w.Browser("b", ann)
	fill := func(n int) {
		t.Helper()
		var page strings.Builder
		page.WriteString("<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n<DT><H3>many</H3>\n<DL><p>\n")
		for i := range n {
			fmt.Fprintf(&page, "<DT><A HREF=\"https://many.example/%d\">%d</A>\n", i, i)
		}
		page.WriteString("</DL><p>\n</DL><p>\n")
		_, err := a.Bookmarks.ImportFrom(ctx, strings.NewReader(page.String()), importing.Options{})
		must(t, err)
	}
	titles := func(d *testenv.Device, folder bookmarks.Item) (all []string) {
		t.Helper()
		items, err := d.Bookmarks.Children(ctx, folder.ID)
		must(t, err)
		for _, it := range items {
			all = append(all, it.Title)
		}
		return all
	}
	rest := func() {
		t.Helper()
		for _, d := range []*testenv.Device{a, b} {
			if r := d.Sync(); r.Requests != 1 {
				t.Errorf("%s asks %d times, and sends %d bookmarks", d.Name, r.Requests, r.Engines["bookmarks"].Uploaded)
			}
		}
	}

	fill(few)
	top, err := a.Bookmarks.Children(ctx, bookmarks.Menu)
	must(t, err)
	folder := top[0]
	a.Sync()
	b.Sync()
	a.Sync()
	fill(many)
	for range 2 {
		a.Sync()
		b.Sync()
	}
	if got := titles(a, folder); len(got) != many {
		t.Fatalf("a has %d in the folder; want %d", len(got), many)
	}
	if got := titles(b, folder); len(got) != few {
		t.Fatalf("b has %d in the folder; want the %d that it had", len(got), few)
	}
	stuck, err := a.Bookmarks.Troubles(ctx, 10)
	if err != nil || stuck.Unsent != 1 || stuck.UnsentRecords[0].ID != folder.ID {
		t.Fatalf("stuck: %+v, %v; want the folder", stuck, err)
	}
	rest()

	items, err := a.Bookmarks.Children(ctx, folder.ID)
	must(t, err)
	var surplus []engine.ID
	for _, it := range items[many-many/5:] {
		surplus = append(surplus, it.ID)
	}
	_, err = a.Bookmarks.DeleteMany(ctx, surplus)
	must(t, err)
	for range 2 {
		a.Sync()
		b.Sync()
	}
	if got := titles(b, folder); len(got) != many-len(surplus) || !slices.Equal(got, titles(a, folder)) {
		t.Fatalf("b has %d in the folder; want %d in a's order", len(got), many-len(surplus))
	}
	if stuck, err = a.Bookmarks.Troubles(ctx, 10); err != nil || stuck.Unsent != 0 {
		t.Fatalf("stuck: %+v, %v", stuck, err)
	}
	rest()
}

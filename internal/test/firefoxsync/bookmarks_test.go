package firefoxsync_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
)

// titles lists what is in a folder, by title, and separators as "-".
func titles(t *testing.T, ff *firefoxsync.Firefox, folder string) []string {
	t.Helper()
	root, err := ff.Bookmarks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for i, b := range root.Find(folder).Children {
		if b.Index != i || b.Parent != folder {
			t.Errorf("%q is at %d of %s, not %d of %s", b.Title, b.Index, b.Parent, i, folder)
		}
		if b.Kind == firefoxsync.Separator {
			b.Title = "-"
		}
		list = append(list, b.Title)
	}
	return list
}

func TestBookmarks(t *testing.T) {
	ff, ctx := firefoxsync.Start(t, firefoxsync.Options{}), t.Context()
	add := func(b firefoxsync.Bookmark) string {
		t.Helper()
		guid, err := ff.AddBookmark(ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		return guid
	}
	const given = "aaaaaaaaaaaa"
	folder := add(firefoxsync.Bookmark{
		Kind: firefoxsync.Folder, Parent: firefoxsync.Toolbar, Index: firefoxsync.Last, Title: "Folder",
		Children: []firefoxsync.Bookmark{
			{GUID: given, Kind: firefoxsync.PlainBookmark, Title: "Öne", URL: "https://one.example/", Tags: []string{"b", "a"}, Keyword: "one", DateAdded: 1700000000000},
			{Kind: firefoxsync.Separator},
			{Kind: firefoxsync.Folder, Title: "Inner", Children: []firefoxsync.Bookmark{{Kind: firefoxsync.PlainBookmark, Title: "Query", URL: "place:tag=a"}}},
		},
	})
	two := add(firefoxsync.Bookmark{Kind: firefoxsync.PlainBookmark, Parent: folder, Index: 1, Title: "Two", URL: "https://two.example/"})

	if got := titles(t, ff, folder); !slices.Equal(got, []string{"Öne", "Two", "-", "Inner"}) {
		t.Fatalf("the folder has %q", got)
	}
	root, err := ff.Bookmarks(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(root.Children) != 4 || root.GUID != firefoxsync.Root {
		t.Errorf("the root has %d folders", len(root.Children))
	}
	one := root.Find(given)
	if one == nil || one.Kind != firefoxsync.PlainBookmark || one.URL != "https://one.example/" || !slices.Equal(one.Tags, []string{"a", "b"}) ||
		one.Keyword != "one" || one.DateAdded != 1700000000000 || one.LastModified < one.DateAdded {
		t.Errorf("the first bookmark is %+v", one)
	}
	if f := root.Find(folder); f.Kind != firefoxsync.Folder || f.Children[3].Children[0].URL != "place:tag=a" {
		t.Errorf("the folder is %+v", f)
	}

	for _, err := range []error{
		ff.EditBookmark(ctx, given, func(b *firefoxsync.Bookmark) {
			b.Title, b.Tags, b.Keyword = "One", []string{"b", "c"}, "uno"
		}),
		ff.EditBookmark(ctx, two, func(b *firefoxsync.Bookmark) { b.URL, b.Tags = "https://zwei.example/", []string{"c"} }),
		ff.EditBookmark(ctx, folder, func(b *firefoxsync.Bookmark) { b.Title = "Renamed" }),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if root, err = ff.Bookmarks(ctx); err != nil {
		t.Fatal(err)
	}
	if one := root.Find(given); one.Title != "One" || !slices.Equal(one.Tags, []string{"b", "c"}) || one.Keyword != "uno" {
		t.Errorf("edited: %+v", one)
	}
	if two := root.Find(two); two.Title != "Two" || two.URL != "https://zwei.example/" || !slices.Equal(two.Tags, []string{"c"}) {
		t.Errorf("edited: %+v", two)
	}
	if f := root.Find(folder); f.Title != "Renamed" {
		t.Errorf("edited: %+v", f)
	}

	line, inner := root.Find(folder).Children[2].GUID, root.Find(folder).Children[3].GUID
	for _, err := range []error{
		ff.OrderBookmarks(ctx, folder, inner, two, given, line),
		ff.MoveBookmark(ctx, two, firefoxsync.Menu, firefoxsync.Last),
		ff.MoveBookmark(ctx, given, folder, 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := titles(t, ff, folder); !slices.Equal(got, []string{"One", "Inner", "-"}) {
		t.Errorf("after the moves the folder has %q", got)
	}
	if got := titles(t, ff, firefoxsync.Menu); got[len(got)-1] != "Two" {
		t.Errorf("after the moves the menu has %q", got)
	}
	if err := ff.RemoveBookmarks(ctx, folder, two); err != nil {
		t.Fatal(err)
	}
	if root, err = ff.Bookmarks(ctx); err != nil {
		t.Fatal(err)
	}
	for _, guid := range []string{folder, given, inner, two} {
		if root.Find(guid) != nil {
			t.Errorf("%s is still there", guid)
		}
	}
	for _, err := range []error{
		ff.RemoveBookmarks(ctx, given),
		ff.EditBookmark(ctx, given, func(*firefoxsync.Bookmark) {}),
	} {
		if err == nil || !strings.Contains(err.Error(), given) {
			t.Errorf("a bookmark that is gone: got %v", err)
		}
	}
}

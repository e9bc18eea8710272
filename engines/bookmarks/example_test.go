package bookmarks_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// openExample opens the bookmarks in a new folder; closeAll closes and removes them.
func openExample() (e *bookmarks.Engine, closeAll func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	e, err = bookmarks.Open(context.Background(), bookmarks.Config{Path: filepath.Join(dir, "places.sqlite")})
	check(err)
	return e, func() {
		check(e.Close())
		check(os.RemoveAll(dir))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func Example() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	it, err := e.Add(ctx, bookmarks.Item{Parent: bookmarks.Menu, Title: "The Go language", URL: "https://go.dev/", Tags: []string{"go"}})
	check(err)
	it.Title = "Go"
	_, err = e.Update(ctx, it)
	check(err)
	found, err := e.Search(ctx, "go", 10)
	check(err)
	for _, it := range found {
		fmt.Println(it.Title, it.URL, it.Tags)
	}
	// Output:
	// Go https://go.dev/ [go]
}

// A folder is added with all that is in it.
func ExampleEngine_InsertTree() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	_, err := e.InsertTree(ctx, &bookmarks.Node{
		Item: bookmarks.Item{Parent: bookmarks.Toolbar, Title: "News"},
		Children: []*bookmarks.Node{
			{Item: bookmarks.Item{Title: "LWN", URL: "https://lwn.net/"}},
			{Item: bookmarks.Item{Title: "Go"}, Children: []*bookmarks.Node{
				{Item: bookmarks.Item{Title: "The Go Blog", URL: "https://go.dev/blog/"}},
			}},
		},
	}, bookmarks.End)
	check(err)

	var show func(n *bookmarks.Node, depth int)
	show = func(n *bookmarks.Node, depth int) {
		fmt.Println(strings.Repeat("  ", depth) + n.Title)
		for _, child := range n.Children {
			show(child, depth+1)
		}
	}
	top, err := e.Tree(ctx, bookmarks.Toolbar)
	check(err)
	show(top, 0)
	n, err := e.CountBookmarks(ctx, bookmarks.Toolbar)
	check(err)
	fmt.Println(n, "bookmarks")
	// Output:
	// toolbar
	//   News
	//     LWN
	//     Go
	//       The Go Blog
	// 2 bookmarks
}

// What a user edits in one window is one change: the fields and the place.
func ExampleEngine_UpdateFields() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	it, err := e.Add(ctx, bookmarks.Item{Title: "Go", URL: "https://go.dev/"})
	check(err)
	title, folder, first := "The Go language", bookmarks.Toolbar, 0
	it, err = e.UpdateFields(ctx, it.ID, bookmarks.Change{Title: &title, Parent: &folder, Position: &first})
	check(err)
	fmt.Println(it.Title, it.Parent, it.Position)
	// Output:
	// The Go language toolbar_____ 0
}

// A start page shows what was bookmarked last.
func ExampleEngine_Recent() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	for i, title := range []string{"oldest", "older", "newest"} {
		_, err := e.Add(ctx, bookmarks.Item{Title: title, URL: "https://example.org/" + title,
			Added: time.Date(2026, 8, 1+i, 0, 0, 0, 0, time.UTC)})
		check(err)
	}
	items, err := e.Recent(ctx, 2)
	check(err)
	for _, it := range items {
		fmt.Println(it.Added.Format(time.DateOnly), it.Title)
	}
	// Output:
	// 2026-08-03 newest
	// 2026-08-02 older
}

func ExampleEngine_DeleteMany() {
	ctx := context.Background()
	e, closeAll := openExample()
	defer closeAll()

	folder, err := e.Add(ctx, bookmarks.Item{Title: "Old"})
	check(err)
	page, err := e.Add(ctx, bookmarks.Item{Parent: folder.ID, Title: "Go", URL: "https://go.dev/"})
	check(err)
	deleted, err := e.DeleteMany(ctx, []engine.ID{folder.ID, page.ID})
	check(err)
	fmt.Println(len(deleted), "deleted")
	// Output:
	// 2 deleted
}

package placesfile_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/placesfile"
)

// An address bar finds pages and bookmarks together.
func ExampleFile() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "places")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file, err := placesfile.Open(ctx, placesfile.Config{Path: filepath.Join(dir, "places.sqlite")})
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	b, err := bookmarks.New(ctx, file)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	h, err := history.New(ctx, file)
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()

	if _, err := h.AddVisit(ctx, "https://www.example.org/docs", "Documents", history.Visit{Type: history.Typed}); err != nil {
		log.Fatal(err)
	}
	wiki := bookmarks.Item{Kind: bookmarks.Bookmark, Parent: bookmarks.Menu, Title: "Wiki", URL: "https://wiki.example/?q=%s", Keyword: "w"}
	if _, err := b.Insert(ctx, wiki, bookmarks.End); err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"http://example.org/docs/", "doc", "w go"} {
		found, err := file.Search(ctx, placesfile.Query{Text: text, Limit: 5})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(found[0].Match, found[0].Title, found[0].URL)
	}
	// Output:
	// url Documents https://www.example.org/docs
	// words Documents https://www.example.org/docs
	// keyword Wiki https://wiki.example/?q=go
}

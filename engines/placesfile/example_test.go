package placesfile_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/placesfile"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "places")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	ctx := context.Background()
	file, err := placesfile.Open(ctx, placesfile.Config{
		Path: filepath.Join(dir, "places.sqlite"), Now: time.Now, Rand: rand.Reader,
	})
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

	// A page that is bookmarked and visited is one page: it outlives its history.
	const page = "https://go.dev/"
	if _, err := b.Insert(ctx, bookmarks.Item{Kind: bookmarks.Bookmark, Parent: bookmarks.Menu, Title: "Go", URL: page}, bookmarks.End); err != nil {
		log.Fatal(err)
	}
	visited, err := h.AddVisit(ctx, page, "The Go language", history.Visit{At: time.Now().Add(-time.Minute)})
	if err != nil {
		log.Fatal(err)
	}
	if err := h.Delete(ctx, visited.ID); err != nil {
		log.Fatal(err)
	}
	bookmarked, err := b.Count(ctx)
	if err != nil {
		log.Fatal(err)
	}
	pages, err := h.Count(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bookmarked, "bookmark,", pages, "visited pages")
	// Output: 1 bookmark, 0 visited pages
}

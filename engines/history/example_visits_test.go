package history_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/engines/history"
)

// A browser says how a page was reached; the list of visits shows it.
func ExampleEngine_ListVisits() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "history")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	pages, err := history.Open(ctx, history.Config{Path: filepath.Join(dir, "places.sqlite")})
	if err != nil {
		log.Fatal(err)
	}
	defer pages.Close()
	const short, article = "https://short.example/1", "https://example.org/article"
	start := time.Now().Add(-time.Minute)
	if _, err := pages.AddVisit(ctx, short, "", history.Visit{At: start, Type: history.Typed, Redirected: true}); err != nil {
		log.Fatal(err)
	}
	if _, err := pages.AddVisit(ctx, article, "An article", history.Visit{At: start.Add(time.Second), Type: history.RedirectPermanent, Referrer: short}); err != nil {
		log.Fatal(err)
	}
	if err := pages.SetPreviewImage(ctx, article, "https://example.org/picture.png"); err != nil {
		log.Fatal(err)
	}
	for v, err := range pages.ListVisits(ctx, history.Visits{OnlyLocal: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v.URL, "from:", v.Referrer, "image:", v.PreviewImage, "hidden:", v.Hidden)
	}
	// Output:
	// https://example.org/article from: https://short.example/1 image: https://example.org/picture.png hidden: false
	// https://short.example/1 from:  image:  hidden: true
}

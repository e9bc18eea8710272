package history_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/engines/history"
)

// An address bar completes what is typed, lists what fits, and learns from what is picked.
func ExampleEngine_Complete() {
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
	for url, title := range map[string]string{"https://go.dev/doc/effective_go": "Effective Go", "https://example.org/": "Example"} {
		if _, err := pages.AddVisit(ctx, url, title, history.Visit{Type: history.Typed}); err != nil {
			log.Fatal(err)
		}
	}
	for _, typed := range []string{"go", "go.dev/", "go.dev/doc/"} {
		c, err := pages.Complete(ctx, typed)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Text)
	}
	if err := pages.Accept(ctx, "e", "https://example.org/"); err != nil {
		log.Fatal(err)
	}
	found, err := pages.Search(ctx, "e", 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found[0].Title)
	// Output:
	// go.dev/
	// go.dev/doc/
	// go.dev/doc/effective_go
	// Example
}

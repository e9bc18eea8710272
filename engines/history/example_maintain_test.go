package history_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/engines/history"
)

// An app clears this device, and looks after the file once a day.
func ExampleEngine_ClearLocal() {
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
	if _, err := pages.AddVisit(ctx, "https://example.org/", "Example", history.Visit{}); err != nil {
		log.Fatal(err)
	}
	cleared, err := pages.ClearLocal(ctx)
	if err != nil {
		log.Fatal(err)
	}
	waiting, err := pages.Changes(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cleared.Pages, "page cleared,", waiting, "deletions to send")
	if _, err := pages.Maintain(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: 1 page cleared, 0 deletions to send
}

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

// What a page was found by is searched, and forgotten.
func ExampleEngine_SearchUses() {
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
	const soup = "https://example.org/soup"
	if _, err := pages.AddVisit(ctx, soup, "Pumpkin soup", history.Visit{}); err != nil {
		log.Fatal(err)
	}
	if err := pages.NoteUse(ctx, history.Use{URL: soup, SearchTerm: "dinner in autumn", Viewed: 3 * time.Minute}); err != nil {
		log.Fatal(err)
	}
	found, err := pages.SearchUses(ctx, "autumn", 10)
	if err != nil {
		log.Fatal(err)
	}
	for _, use := range found {
		fmt.Println(use.Title, use.Viewed)
	}
	forgotten, err := pages.ForgetSearchTerms(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(forgotten, "search term forgotten")
	// Output:
	// Pumpkin soup 3m0s
	// 1 search term forgotten
}

// Command page is an app in a web page, for TestAnAppInAPage: it signs in, adds a note, and
// syncs, with its stores in memory. It leaves what it has in the page's variable "said".
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engines/history"
)

type note struct {
	ID   collection.ID `json:"id"`
	Text string        `json:"text"`
}

func main() {
	said, err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		said = "error: " + err.Error()
	}
	report(said)
}

// memory is a State that is gone with the page.
type memory struct{ sealed []byte }

func (m *memory) Load(context.Context) ([]byte, error) {
	return m.sealed, nil
}

func (m *memory) Save(_ context.Context, sealed []byte) error {
	m.sealed = slices.Clone(sealed)
	return nil
}

func run(ctx context.Context, server, email, password string) (string, error) {
	if err := search(ctx); err != nil {
		return "", err
	}
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return "", err
	}
	notes, err := open(ctx, key)
	if err != nil {
		return "", err
	}
	if _, err := notes.Add(ctx, note{Text: "from the page"}); err != nil {
		return "", err
	}
	// Closed and opened, the file in memory is the same.
	if err := notes.Close(); err != nil {
		return "", err
	}
	if notes, err = open(ctx, key); err != nil {
		return "", err
	}
	defer notes.Close()

	client, err := account.New(account.Config{Server: server})
	if err != nil {
		return "", err
	}
	acct, err := client.Login(ctx, email, password)
	if err != nil {
		return "", err
	}
	m, err := syncmanager.New(ctx, syncmanager.Config{
		Account: acct, State: &memory{}, Key: key, Device: syncmanager.Device{Name: "A page", Type: "desktop", Application: "Notes"},
	})
	if err != nil {
		return "", err
	}
	defer m.Close()
	if err := m.Register(notes); err != nil {
		return "", err
	}
	start := time.Now()
	result, err := m.Sync(ctx, syncmanager.Options{})
	if err != nil {
		return "", err
	}
	took := time.Since(start)
	var all []string
	for n, err := range notes.List(ctx) {
		if err != nil {
			return "", err
		}
		all = append(all, n.Text)
	}
	slices.Sort(all)
	fmt.Printf("a sync of %d records down and %d up took %v\n", result.Engines[notes.Collection()].Applied, result.Engines[notes.Collection()].Uploaded, took)
	return strings.Join(all, ", "), nil
}

// search finds a page in a history, which takes SQLite's full-text search.
func search(ctx context.Context) error {
	pages, err := history.Open(ctx, history.Config{Path: "places.db"})
	if err != nil {
		return err
	}
	defer pages.Close()
	if _, err := pages.Add(ctx, history.Page{URL: "https://example.org/", Title: "Hello, world"}); err != nil {
		return err
	}
	found, err := pages.Search(ctx, "wor", 10)
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("the search finds %d pages", len(found))
	}
	return err
}

func open(ctx context.Context, key [32]byte) (*collection.Engine[note], error) {
	return collection.Open(ctx, "example-notes", collection.Options[note]{Path: "notes.db", Key: key})
}

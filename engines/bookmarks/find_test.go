package bookmarks_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func TestItemsAreFoundByURLAndByTheBeginningOfAnID(t *testing.T) {
	t.Parallel()
	e, err := bookmarks.Open(t.Context(), bookmarks.Config{
		Path: filepath.Join(t.TempDir(), "places.sqlite"), Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, it := range []bookmarks.Item{
		{ID: "aaaaaaaaaaaa", URL: "https://a.example/", Title: "one"},
		{ID: "aaaaaaaaaaab", URL: "https://a.example/", Title: "two"},
		{ID: "aaaAAAAAAAAA", URL: "https://b.example/"},
	} {
		if _, err := e.Insert(t.Context(), it, bookmarks.End); err != nil {
			t.Fatal(err)
		}
	}
	for url, want := range map[string]int{"https://A.example": 2, "https://b.example/": 1, "https://c.example/": 0, "no URL": 0, "": 0} {
		if found, err := e.ByURL(t.Context(), url); err != nil || len(found) != want {
			t.Errorf("%q: %d bookmarks, %v; want %d", url, len(found), err, want)
		}
	}
	for prefix, want := range map[engine.ID]int{"aaa": 3, "aaaa": 2, "aaaA": 1, "aaaaaaaaaaab": 1, "b": 0, "aaaaaaaaaaaaa": 0} {
		if found, err := e.ByPrefix(t.Context(), prefix, 10); err != nil || len(found) != want {
			t.Errorf("%q: %d items, %v; want %d", prefix, len(found), err, want)
		}
	}
	if found, err := e.ByPrefix(t.Context(), "", 2); err != nil || len(found) != 2 {
		t.Errorf("bounded to 2: %d items, %v", len(found), err)
	}
}

package placesfile_test

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/placesfile"
)

func open(t *testing.T, path string) placesfile.File {
	t.Helper()
	file, err := placesfile.Open(t.Context(), placesfile.Config{Path: path, Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// The engines' Close leaves the file to whoever opened it.
func TestTheFileOutlivesItsEngines(t *testing.T) {
	t.Parallel()
	file := open(t, filepath.Join(t.TempDir(), "places.sqlite"))
	for range 2 {
		b, err := bookmarks.New(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		h, err := history.New(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if _, err := h.Count(t.Context()); err != nil {
			t.Errorf("with the bookmarks closed: %v", err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAnotherFileIsRefused(t *testing.T) {
	t.Parallel()
	var other struct{ placesfile.File }
	const want = ": the file must be one that placesfile.Open returned"
	if _, err := bookmarks.New(t.Context(), other); err == nil || err.Error() != "bookmarks"+want {
		t.Errorf("bookmarks: %v", err)
	}
	if _, err := history.New(t.Context(), nil); err == nil || err.Error() != "history"+want {
		t.Errorf("history: %v", err)
	}
}

// An app that opens the file twice loses nothing: the two wait for each other.
func TestOpenedTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "places.sqlite")
	b, err := bookmarks.Open(t.Context(), bookmarks.Config{Path: path, Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	h, err := history.Open(t.Context(), history.Config{Path: path, Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var both sync.WaitGroup
	both.Go(func() {
		for range 50 {
			if _, err := b.Insert(t.Context(), bookmarks.Item{Kind: bookmarks.Bookmark, Parent: bookmarks.Menu, Title: "x", URL: "https://go.dev/"}, bookmarks.End); err != nil {
				t.Error(err)
			}
		}
	})
	both.Go(func() {
		for range 50 {
			if _, err := h.AddVisit(t.Context(), "https://go.dev/", "x", history.Visit{At: time.Now()}); err != nil {
				t.Error(err)
			}
		}
	})
	both.Wait()
	if n, err := b.Count(t.Context()); err != nil || n != 50 {
		t.Errorf("%d bookmarks, %v", n, err)
	}
}

// Each engine, and the file, can maintain it; nothing that is in it goes.
func TestMaintain(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	s.fill()
	for i, maintain := range []func(context.Context) (int64, error){s.Maintain, s.bookmarks.Maintain, s.history.Maintain} {
		if freed, err := maintain(t.Context()); err != nil || freed < 0 {
			t.Errorf("%d: freed %d bytes, %v", i, freed, err)
		}
		if found := s.search(placesfile.Query{Text: "https://example.org/news/archive"}); len(found) != 1 {
			t.Errorf("%d: found %+v", i, found)
		}
		if n, err := s.bookmarks.Count(t.Context()); err != nil || n != 3 {
			t.Errorf("%d: %d bookmarks, %v", i, n, err)
		}
	}
	s.must(s.Close())
	if _, err := s.Maintain(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "cannot maintain the file of bookmarks and history: ") {
		t.Errorf("closed: %v", err)
	}
}

// A page that is deleted from the history stays for its bookmark, but not as what led to others.
func TestABookmarkedReferrerIsForgotten(t *testing.T) {
	t.Parallel()
	const from, to = "https://from.example/", "https://to.example/"
	for name, forget := range map[string]func(s *stores) error{
		"deleted": func(s *stores) error { _, err := s.history.DeleteURL(s.t.Context(), from); return err },
		"by time": func(s *stores) error {
			_, err := s.history.DeleteBetween(s.t.Context(), history.Between{To: now.Add(-24 * time.Hour)})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStores(t)
			s.bookmark(bookmarks.Item{Title: "From", URL: from})
			s.visit(from, "", 2, history.Link)
			_, err := s.history.AddVisit(t.Context(), to, "", history.Visit{At: now, Referrer: from})
			s.must(err)
			s.must(s.history.NoteUse(t.Context(), history.Use{URL: to, Referrer: from}))
			if p, err := s.history.GetURL(t.Context(), to); err != nil || p.Visits[0].Referrer != from {
				t.Fatalf("the page is %+v, %v", p, err)
			}
			s.must(forget(s))
			p, err := s.history.GetURL(t.Context(), to)
			s.must(err)
			u, err := s.history.LastUse(t.Context(), to)
			if err != nil || u.Referrer != "" || p.Visits[0].Referrer != "" {
				t.Errorf("the visit is %+v, and the use %+v, %v", p.Visits[0], u, err)
			}
			if n, err := s.bookmarks.Count(t.Context()); err != nil || n != 1 {
				t.Errorf("%d bookmarks, %v", n, err)
			}
		})
	}
}

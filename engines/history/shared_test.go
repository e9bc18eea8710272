package history

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/engines/placesfile"
)

var testNow = time.UnixMicro(1_795_370_000_000_000)

// openBoth opens the history, and the places below it as bookmarks do.
func openBoth(t *testing.T, log *slog.Logger) (*Engine, *places.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "places.sqlite")
	now := func() time.Time { return testNow }
	file, err := placesfile.Open(t.Context(), places.Config{Path: path, Now: now, Rand: rand.Reader, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	db, err := places.Of(file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(e.Close(), file.Close()); err != nil {
			t.Error(err)
		}
	})
	return e, db
}

func bookmark(t *testing.T, db *places.DB, url string) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *places.Tx) error {
		id, err := tx.Ensure(url)
		if err != nil {
			return err
		}
		return tx.SetBookmarked(id, places.Bookmarked{Count: 1, Added: testNow.UnixMicro(), Text: "saved"})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A bookmark's page outlives its history, and nothing of the history is left at it.
func TestBookmarkedPagesStay(t *testing.T) {
	t.Parallel()
	const url = "https://example.org/"
	for name, forget := range map[string]func(*Engine) error{
		"wiped":   func(e *Engine) error { return e.Wipe(t.Context()) },
		"deleted": func(e *Engine) error { _, err := e.DeleteURL(t.Context(), url); return err },
		"deleted by its time": func(e *Engine) error {
			_, err := e.DeleteBetween(t.Context(), Between{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, db := openBoth(t, nil)
			bookmark(t, db, url)
			if n, err := e.Count(t.Context()); err != nil || n != 0 {
				t.Fatalf("a bookmark is no visit: %d pages, %v", n, err)
			}
			if _, err := e.AddVisit(t.Context(), url, "a secret title", Visit{}); err != nil {
				t.Fatal(err)
			}
			if _, err := e.AddVisit(t.Context(), "https://elsewhere.example/", "", Visit{}); err != nil {
				t.Fatal(err)
			}
			if err := forget(e); err != nil {
				t.Fatal(err)
			}
			found, err := db.Search(t.Context(), "saved", places.Bookmarks, 10)
			if err != nil || len(found) != 1 || found[0].Title != "" || found[0].Visits != 0 || found[0].LastVisit != 0 || found[0].Frecency == 0 {
				t.Fatalf("the bookmarked page is %+v, %v", found, err)
			}
			if found, err := db.Search(t.Context(), "secret", places.Anything, 10); err != nil || len(found) != 0 {
				t.Fatalf("found %+v, %v by the title that it had in the history", found, err)
			}
			// Visited again, it is in the history again.
			if _, err := e.AddVisit(t.Context(), url, "", Visit{}); err != nil {
				t.Fatal(err)
			}
			if p, err := e.GetURL(t.Context(), url); err != nil || p.VisitCount != 1 {
				t.Fatalf("the page is %+v, %v", p, err)
			}
		})
	}
}

// A page that is only bookmarked takes the account's ID when the account knows it.
func TestVisitsArriveAtABookmark(t *testing.T) {
	t.Parallel()
	e, db := openBoth(t, nil)
	bookmark(t, db, "https://example.org/")
	s, err := e.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stage(t.Context(), []engine.Incoming{{ID: "abcdefghijkl", Modified: 179_537_000_000,
		Payload: []byte(`{"id":"abcdefghijkl","histUri":"https://example.org/","title":"t","visits":[{"date":1795369000000000,"type":1}]}`)}}); err != nil {
		t.Fatal(err)
	}
	if m, err := s.Merge(t.Context(), 179_537_000_100); err != nil || m.Applied != 1 || m.Outgoing != 0 {
		t.Fatalf("merged %+v, %v", m, err)
	}
	found, err := db.Search(t.Context(), "example", places.Bookmarks, 10)
	if err != nil || len(found) != 1 || found[0].GUID != "abcdefghijkl" || found[0].Visits != 1 {
		t.Fatalf("the page is %+v, %v", found, err)
	}
}

// The log hears how much was skipped, and nothing of where the user has been.
func TestTheLogHoldsNoAddress(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e, _ := openBoth(t, slog.New(slog.NewTextHandler(&log, nil)))
	s, err := e.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Stage(t.Context(), []engine.Incoming{{ID: "abcdefghijkl", Modified: 1, Payload: []byte(`{"histUri":"https://example.org/","visits":[{"date":-1,"type":1}]}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Merge(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, "pages=1") || !strings.Contains(text, "visits=1") || strings.Contains(text, "example") {
		t.Errorf("the log says %q", text)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"id":"abcdefghijkl","histUri":"https://example.org/","title":"t","visits":[{"date":1795369000000000,"type":1,"x":[1]}],"y":{"z":"\ud800"}}`))
	f.Add([]byte(`{"histUri":"https://example.org/","visits":[{"date":1e300,"type":1}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		limit := testNow.UnixMicro()
		r, err := parseRecord(payload, limit)
		if err != nil {
			return
		}
		for _, v := range r.visits {
			if v.date < earliest || v.date > limit+clockSkew || v.kind < 1 || v.kind > 9 {
				t.Fatalf("took the visit %+v", v)
			}
		}
		out := appendRecord(nil, "abcdefghijkl", r.url, r.title, r.visits, r.unknown)
		if !json.Valid(out) {
			t.Fatalf("wrote %s", out)
		}
		again, err := parseRecord(out, limit)
		if err != nil || again.url != r.url || again.title != r.title || len(again.visits) != len(r.visits) || !bytes.Equal(again.unknown, r.unknown) || again.skipped != 0 {
			t.Fatalf("%s was read as %+v, and then as %+v, %v", payload, r, again, err)
		}
	})
}

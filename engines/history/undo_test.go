package history_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

const (
	settledURL = "https://settled.example/"
	visitedURL = "https://visited.example/"
	newURL     = "https://new.example/"
)

// known is a device with a page that is on the server, one that was visited again since,
// and one that is new.
func known(t *testing.T) *device {
	t.Helper()
	d := newDevice(t)
	d.visit(settledURL, "settled", 60*24*time.Hour, history.Link)
	d.visit(settledURL, "settled", 3*time.Hour, history.Typed)
	d.visit(visitedURL, "visited", 3*time.Hour, history.Link)
	d.sync()
	d.visit(visitedURL, "visited", time.Hour, history.Link)
	d.visit(newURL, "new", time.Hour, history.Link)
	return d
}

func (d *device) undo(run string) engine.Undone {
	d.t.Helper()
	u, err := d.Undo(d.t.Context(), run)
	d.must(err)
	return u
}

// Another device may order this one to start over. What is unsent here stays.
func TestACommandToStartOverLeavesWhatIsUnsent(t *testing.T) {
	t.Parallel()
	for name, reset := range map[string]bool{"in sync": false, "after a reset": true} {
		t.Run(name, func(t *testing.T) {
			d := known(t)
			if reset {
				d.must(d.Reset(t.Context(), engine.Association{Global: "again"}))
			}
			d.must(d.Clear(t.Context(), engine.Start{Run: "cleared"}))
			if all := d.pages(); len(all) != 2 || all[visitedURL].VisitCount != 2 || all[newURL].VisitCount != 1 {
				t.Fatalf("the pages are %+v", all)
			}
			if a, err := d.Association(t.Context()); err != nil || a != (engine.Association{}) {
				t.Fatalf("it is associated with %+v, %v", a, err)
			}
			_, out := d.sync()
			if len(out) != 2 || out[0].Payload == nil || out[1].Payload == nil {
				t.Fatalf("sent %+v; want the two pages", out)
			}
			log, err := d.Log(t.Context())
			if err != nil || len(log) != 1 || log[0].Run != "cleared" || log[0].Deleted != 1 {
				t.Fatalf("the log is %+v, %v; want one page", log, err)
			}
			if u := d.undo(""); u.Run != "cleared" || u.Restored != 1 || u.Kept != 0 {
				t.Fatalf("undone: %+v", u)
			}
			if p := d.pages()[settledURL]; p.VisitCount != 2 || p.TypedCount != 1 || p.Title != "settled" {
				t.Fatalf("the page is %+v", p)
			}
			_, out = d.sync()
			if len(out) != 1 || d.decode(out[0]).HistURI != settledURL || len(d.decode(out[0]).Visits) != 2 {
				t.Fatalf("sent %+v; want the page with its two visits", out)
			}
		})
	}
}

func TestAClearOfMuchIsHeld(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	for i := range 30 {
		d.visit(fmt.Sprintf("https://example.org/%d", i), "page", time.Hour, history.Link)
	}
	d.sync()
	hold := new(engine.TooManyDeletionsError)
	if err := d.Clear(t.Context(), engine.Start{}); !errors.As(err, &hold) || hold.Deletions != 30 || hold.Total != 30 {
		t.Fatalf("cleared with %v; want 30 of 30 held", err)
	}
	if len(d.pages()) != 30 {
		t.Fatal("pages are gone before the user's word")
	}
	d.must(d.Clear(t.Context(), engine.Start{AcceptDeletions: true}))
	if len(d.pages()) != 0 {
		t.Fatalf("%d pages stay", len(d.pages()))
	}
	if u := d.undo(""); u.Restored != 30 {
		t.Fatalf("undone: %+v", u)
	}
}

func TestADeletionByASyncCanBeUndone(t *testing.T) {
	t.Parallel()
	d := known(t)
	id := d.pages()[settledURL].ID
	d.sync(d.tombstone(id))
	if len(d.pages()) != 2 {
		t.Fatalf("the pages are %+v", d.pages())
	}
	log, err := d.Log(t.Context())
	if err != nil || len(log) != 1 {
		t.Fatalf("the log is %+v, %v", log, err)
	}
	if u := d.undo(log[0].Run); u.Restored != 1 {
		t.Fatalf("undone: %+v", u)
	}
	if p := d.pages()[settledURL]; p.ID != id || p.VisitCount != 2 {
		t.Fatalf("the page is %+v", p)
	}
	if _, out := d.sync(); len(out) != 1 || out[0].ID != id || out[0].Payload == nil {
		t.Fatalf("sent %+v; want the page", out)
	}
	if _, err := d.Undo(t.Context(), log[0].Run); !errors.Is(err, engine.ErrUndone) {
		t.Errorf("undone once more: %v", err)
	}
	if _, err := d.Undo(t.Context(), ""); !errors.Is(err, engine.ErrNoRun) {
		t.Errorf("undone nothing: %v", err)
	}
}

// What was visited since keeps its visits, and gets the old ones besides.
func TestAnUndoJoinsWhatWasVisitedSince(t *testing.T) {
	t.Parallel()
	d := known(t)
	d.sync(d.tombstone(d.pages()[settledURL].ID))
	d.visit(settledURL, "now", time.Minute, history.Link)
	if u := d.undo(""); u.Restored != 0 || u.Reverted != 1 {
		t.Fatalf("undone: %+v", u)
	}
	if p := d.pages()[settledURL]; p.VisitCount != 3 || p.Title != "now" {
		t.Fatalf("the page is %+v", p)
	}
}

// What the user deletes here is in no log.
func TestAnUndoBringsBackNothingThatTheUserDeletes(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*device) error{
		"host": func(d *device) error { _, err := d.DeleteHost(d.t.Context(), "settled.example"); return err },
		"time": func(d *device) error { _, err := d.DeleteBetween(d.t.Context(), history.Between{}); return err },
		"page": func(d *device) error {
			d.visit(settledURL, "", time.Minute, history.Link)
			_, err := d.DeleteURL(d.t.Context(), settledURL)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := known(t)
			d.sync(d.tombstone(d.pages()[settledURL].ID))
			d.must(forget(d))
			if u := d.undo(""); u.Restored+u.Reverted != 0 {
				t.Fatalf("undone: %+v", u)
			}
			if _, there := d.pages()[settledURL]; there {
				t.Error("the page is back")
			}
		})
	}
	d := known(t)
	d.sync(d.tombstone(d.pages()[settledURL].ID))
	d.must(d.Wipe(t.Context()))
	if log, err := d.Log(t.Context()); err != nil || len(log) != 0 {
		t.Errorf("the log is %+v, %v", log, err)
	}
}

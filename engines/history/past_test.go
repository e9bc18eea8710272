package history_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

// The server has the page, whatever the device remembers of that.
func TestAPageDeletedAfterAResetIsDeletedEverywhere(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	p := d.visit("https://example.org/", "page", time.Hour, history.Link)
	d.sync()
	d.must(d.Reset(t.Context(), engine.Association{Global: "again"}))
	d.must(d.Delete(t.Context(), p.ID))
	_, out := d.sync(d.record(p.ID, p.URL, "page", at(time.Hour, 1)))
	if len(out) != 1 || out[0].ID != p.ID || out[0].Payload != nil {
		t.Fatalf("sent %+v; want the tombstone", out)
	}
	if len(d.pages()) != 0 {
		t.Fatal("the page is back")
	}
}

// Another device deleted the page, a third one, which had not seen all of its visits,
// visited it again, and its record took the tombstone's place.
func TestAVisitThatTheServerLostGoesUpAgain(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	p := d.visit("https://example.org/", "page", 2*time.Hour, history.Link)
	d.visit(p.URL, "page", 3*time.Hour, history.Link)
	d.sync()
	_, out := d.sync(d.record(p.ID, p.URL, "page", at(time.Hour, 1), at(3*time.Hour, 1)))
	if len(out) != 1 || len(d.decode(out[0]).Visits) != 3 {
		t.Fatalf("sent %+v; want all three visits", out)
	}
	if _, out := d.sync(d.record(p.ID, p.URL, "page", at(time.Hour, 1), at(2*time.Hour, 1), at(3*time.Hour, 1))); len(out) != 0 {
		t.Fatalf("sent %+v; the server has it all", out)
	}
}

// Others take a visit of the day after tomorrow for one of now. So does the device whose
// clock was wrong, or each would have a visit of its own.
func TestAVisitByAClockThatIsFarAhead(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	p := d.visit("https://example.org/", "page", -20*time.Hour, history.Typed)
	behind := -30 * time.Hour // the server's clock
	_, out, err := d.try(engine.Start{Skew: behind})
	d.must(err)
	want := now.Add(behind).UnixMicro()
	if len(out) != 1 || len(d.decode(out[0]).Visits) != 1 || d.decode(out[0]).Visits[0].Date != want {
		t.Fatalf("sent %s; want a visit at %d", out[0].Payload, want)
	}
	if got := d.pages()[p.URL]; got.VisitCount != 1 || got.TypedCount != 1 || got.LastVisit.UnixMicro() != want {
		t.Fatalf("the page is %+v", got)
	}
}

// back is what a server has that was restored from before the deletion of a page, which
// the device knows.
func back(t *testing.T, deletions int) (d *device, records []engine.Incoming) {
	t.Helper()
	d = newDevice(t)
	var gone []engine.Incoming
	for i := range deletions {
		p := d.visit(fmt.Sprintf("https://example.org/%d", i), "page", time.Hour, history.Link)
		records = append(records, d.record(p.ID, p.URL, "page", at(time.Hour, 1)))
	}
	_, _, err := d.try(engine.Start{Account: "me"})
	d.must(err)
	for _, in := range records {
		gone = append(gone, d.tombstone(in.ID))
	}
	_, _, err = d.try(engine.Start{Account: "me", AcceptDeletions: true}, gone...)
	d.must(err)
	d.must(d.Reset(t.Context(), engine.Association{Global: "restored"}))
	return d, records
}

func TestAPageThatARestoredServerBringsBackIsDeletedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start       engine.Start
		newer       bool
		pages, sent int
	}{
		"its deletion is later":    {engine.Start{Account: "me"}, false, 0, 1},
		"another visited it again": {engine.Start{Account: "me"}, true, 1, 0},
		"another account":          {engine.Start{Account: "else"}, false, 1, 0},
		"the account wins":         {engine.Start{Account: "me", Prefer: engine.PreferRemote}, false, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d, records := back(t, 1)
			if c.newer {
				records[0].Modified = d.at + 1
			}
			_, out, err := d.try(c.start, records...)
			d.must(err)
			if len(d.pages()) != c.pages || len(out) != c.sent {
				t.Fatalf("%d pages are here and %+v goes up; want %d and %d", len(d.pages()), out, c.pages, c.sent)
			}
			if c.sent == 1 && (out[0].Payload == nil) != (c.pages == 0) {
				t.Errorf("sent %s", out[0].Payload)
			}
		})
	}
}

// A deletion that another device's visit overruled stays overruled, when the server is put
// back to the moment between the two.
func TestAnOldDeletionThatARestoredServerBringsBackIsOverruled(t *testing.T) {
	t.Parallel()
	for name, newer := range map[string]bool{"older than the last sync": false, "newer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDevice(t)
			p := d.visit("https://example.org/", "page", time.Hour, history.Link)
			d.sync()
			gone := d.tombstone(p.ID)
			d.sync(d.record(p.ID, p.URL, "page", at(time.Hour, 1), at(2*time.Hour, 1)))
			d.must(d.Reset(t.Context(), engine.Association{Global: "restored"}))
			if newer {
				gone.Modified = d.at + 1
			}
			_, out := d.sync(gone)
			if newer {
				if len(d.pages()) != 0 || len(out) != 0 {
					t.Fatalf("%d pages are here and %+v goes up", len(d.pages()), out)
				}
				return
			}
			if len(d.pages()) != 1 || len(out) != 1 || out[0].Payload == nil {
				t.Fatalf("%d pages are here and %+v goes up; want the page, twice", len(d.pages()), out)
			}
		})
	}
}

func TestManyPagesThatAreDeletedAgainAreHeld(t *testing.T) {
	t.Parallel()
	d, records := back(t, 30)
	hold := new(engine.TooManyDeletionsError)
	if _, _, err := d.try(engine.Start{Account: "me"}, records...); !errors.As(err, &hold) || hold.Deletions != 30 || hold.Total != 30 {
		t.Fatalf("synced with %v; want 30 of 30 held", err)
	}
	d.wantChanges("held", 0)
	if _, out, err := d.try(engine.Start{Account: "me", AcceptDeletions: true}, records...); err != nil || len(out) != 30 {
		t.Fatalf("%d go up, %v; want 30 tombstones", len(out), err)
	}
}

func TestAWipeForgetsTheTombstones(t *testing.T) {
	t.Parallel()
	d, records := back(t, 1)
	d.must(d.Wipe(t.Context()))
	if _, _, err := d.try(engine.Start{Account: "me"}, records...); err != nil || len(d.pages()) != 1 {
		t.Fatalf("%d pages are here, %v; want the account's", len(d.pages()), err)
	}
}

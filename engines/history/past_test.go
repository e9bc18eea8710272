package history_test

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

// The server has the page, whatever the device remembers of that.
func TestAPageDeletedAfterAResetIsDeletedEverywhere(t *testing.T) {
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

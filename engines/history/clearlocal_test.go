package history_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

// cleared is a device with a page that the server has, one that was not sent, and a
// deletion that was not sent, which the user cleared.
func cleared(t *testing.T) (d *device, known history.Page, deleted engine.ID) {
	t.Helper()
	d = newDevice(t)
	known = d.visit(article, "Known", 3*time.Hour, history.Link)
	gone := d.visit(results, "Gone", 3*time.Hour, history.Link)
	d.sync()
	d.must(d.Delete(t.Context(), gone.ID))
	d.visit(player, "Unsent", time.Hour, history.Link)
	d.use(history.Use{URL: article, SearchTerm: "secret"})
	got, err := d.ClearLocal(t.Context())
	if err != nil || got != (history.Deleted{Pages: 2, Visits: 2}) {
		t.Fatalf("cleared %+v, %v", got, err)
	}
	if n := len(d.pages()); n != 0 {
		t.Fatalf("%d pages are left", n)
	}
	if left := d.uses(history.Between{}); len(left) != 0 {
		t.Fatalf("uses are left: %+v", left)
	}
	return d, known, gone.ID
}

// Nothing is deleted elsewhere, but for what the user deleted before.
func TestClearingThisDeviceSendsNothing(t *testing.T) {
	t.Parallel()
	d, _, deleted := cleared(t)
	d.wantChanges("cleared", 1)
	_, out := d.sync()
	if len(out) != 1 || out[0].ID != deleted || out[0].Payload != nil {
		t.Errorf("sent %+v; want the deletion that was waiting", out)
	}
	d.wantChanges("after the sync", 0)
}

func TestWhatWasClearedStaysAway(t *testing.T) {
	t.Parallel()
	for name, reset := range map[string]bool{"with a change": false, "with all of the collection": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, known, _ := cleared(t)
			if reset {
				d.must(d.Reset(t.Context(), engine.Association{Global: "again"}))
			}
			m, out := d.sync(
				d.record(known.ID, article, "Known", at(3*time.Hour, 1), at(48*time.Hour, 1)),
				d.record("otherpageAAA", "https://other.example/", "Other", at(time.Second, 1)),
			)
			if n := len(d.pages()); n != 0 || m.Applied != 0 || m.Reconciled != 2 {
				t.Errorf("%d pages came, and the merge is %+v", n, m)
			}
			for _, o := range out {
				if o.ID == known.ID || o.Payload != nil {
					t.Errorf("sent %+v", o)
				}
			}
		})
	}
}

// A page that is visited again comes, with what was visited since.
func TestWhatIsVisitedAfterAClearingComes(t *testing.T) {
	t.Parallel()
	d, known, _ := cleared(t)
	d.sync()
	d.ahead = time.Hour
	d.sync(d.record(known.ID, article, "Known", at(-30*time.Minute, 2), at(3*time.Hour, 1)))
	if p := d.page(article); p.ID != known.ID || len(p.Visits) != 1 || p.Visits[0].Type != history.Typed || !p.Visits[0].Remote {
		t.Errorf("the page is %+v", p)
	}
	d.wantChanges("it is complete", 0)
	// Visited here too, before the record came: it gets the account's ID, and is sent.
	d.visit(player, "Here", -20*time.Minute, history.Link)
	_, out := d.sync(d.record("playerpageAA", player, "There", at(5*time.Hour, 1)))
	if p := d.page(player); p.ID != "playerpageAA" || len(p.Visits) != 1 {
		t.Errorf("the page is %+v", p)
	}
	if len(out) != 1 || out[0].ID != "playerpageAA" || len(d.decode(out[0]).Visits) != 1 {
		t.Errorf("sent %+v", out)
	}
}

// A visit whose clock was ahead is cleared as well.
func TestClearingWhatIsAhead(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	p := d.visit(article, "", -time.Hour, history.Link)
	d.sync()
	_, err := d.ClearLocal(t.Context())
	d.must(err)
	d.sync(d.record(p.ID, article, "", at(-time.Hour, 1)))
	if n := len(d.pages()); n != 0 {
		t.Errorf("%d pages came back", n)
	}
}

// A wipe is for starting over: all of it comes.
func TestAWipeEndsAClearing(t *testing.T) {
	t.Parallel()
	d, known, _ := cleared(t)
	d.must(d.Wipe(t.Context()))
	d.sync(d.record(known.ID, article, "Known", at(3*time.Hour, 1)))
	if n := len(d.pages()); n != 1 {
		t.Errorf("%d pages came; want the one", n)
	}
}

func TestClearingTwiceAndAnUndo(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	p := d.visit(article, "", time.Hour, history.Link)
	d.sync()
	d.sync(d.tombstone(p.ID)) // which an Undo would bring back
	for range 2 {
		if got, err := d.ClearLocal(t.Context()); err != nil || got != (history.Deleted{}) {
			t.Errorf("cleared %+v, %v", got, err)
		}
	}
	if log, err := d.Log(t.Context()); err != nil || len(log) != 0 {
		t.Errorf("the log is %+v, %v", log, err)
	}
}

// The user does not wait for a sync: what it staged before stays away too, and what it was about
// to send does not go.
func TestClearingDuringASync(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"staged", "merged"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			d := newDevice(t)
			ctx := t.Context()
			d.visit(player, "Unsent", time.Hour, history.Link)
			s, err := d.Begin(ctx, engine.Start{})
			d.must(err)
			d.must(s.Stage(ctx, []engine.Incoming{d.record("articlepageA", article, "Theirs", at(2*time.Hour, 1))}))
			if when == "staged" {
				_, err = d.ClearLocal(ctx)
				d.must(err)
			}
			d.at += 100
			_, err = s.Merge(ctx, d.at)
			d.must(err)
			if when == "merged" {
				_, err = d.ClearLocal(ctx)
				d.must(err)
			}
			out, err := s.Outgoing(ctx, 100)
			d.must(err)
			if len(out) != 0 || len(d.pages()) != 0 {
				t.Errorf("it sends %+v, and has %+v", out, d.pages())
			}
			d.must(s.Uploaded(ctx, engine.Receipt{At: d.at + 100, Stored: []engine.ID{"articlepageA"}}))
			d.must(s.End(ctx, nil))
			d.wantChanges("after the sync", 0)
		})
	}
}

// Stopped at any place, it can be called again.
func TestAClearingThatIsStopped(t *testing.T) {
	t.Parallel()
	d := aged(t, 600)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if gone, err := d.ClearLocal(ctx); !errors.Is(err, context.Canceled) || gone.Pages != 0 {
		t.Errorf("cleared %+v, %v", gone, err)
	}
	if gone, err := d.ClearLocal(t.Context()); err != nil || gone.Pages != 600 || len(d.pages()) != 0 {
		t.Errorf("cleared %+v, %v", gone, err)
	}
}

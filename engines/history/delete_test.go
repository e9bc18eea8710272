package history_test

import (
	"errors"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

func TestDeletingAHost(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	for _, url := range []string{
		"https://example.org/", "http://example.org:8080/a", "https://www.example.org/b", "https://Ann@deep.www.EXAMPLE.org/c",
		"https://notexample.org/", "https://example.org.evil.example/", "https://example.com/",
	} {
		d.visit(url, "", time.Hour, history.Link)
	}
	d.sync()
	done, err := d.DeleteHost(t.Context(), "Example.org")
	if err != nil || done != (history.Deleted{Pages: 4, Visits: 4}) {
		t.Fatalf("deleted %+v, %v; want the host and its subdomains", done, err)
	}
	d.visit("file:///home/ann/letter.html", "", 0, history.Typed)
	for _, bad := range []string{"", ".", "https://example.com/", "example.com/"} {
		if _, err := d.DeleteHost(t.Context(), bad); !errors.Is(err, history.ErrHost) {
			t.Errorf("%q as a host: %v", bad, err)
		}
	}
	if left := d.pages(); len(left) != 4 {
		t.Fatalf("left are %v", left)
	}
	if _, out := d.sync(); len(out) != 4 {
		t.Fatalf("%d tombstones go up", len(out))
	}
	if done, err := d.DeleteHost(t.Context(), "example.org"); err != nil || done != (history.Deleted{}) {
		t.Fatalf("deleted %+v again, %v", done, err)
	}
}

func TestDeletingATime(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	in := d.record("aaaaaaaaaaaa", site(1), "One", at(time.Hour, 1), at(2*time.Hour, 2), at(3*time.Hour, 1))
	d.sync(in)
	d.visit(site(2), "Two", 2*time.Hour, history.Link)
	d.sync()
	done, err := d.DeleteBetween(t.Context(), history.Between{From: now.Add(-150 * time.Minute), To: now.Add(-time.Hour)})
	if err != nil || done != (history.Deleted{Pages: 1, Visits: 2}) {
		t.Fatalf("deleted %+v, %v; want the visit of each, and the page that had no other", done, err)
	}
	p := d.pages()[site(1)]
	if len(d.pages()) != 1 || p.VisitCount != 2 || p.TypedCount != 0 {
		t.Fatalf("left is %+v", p)
	}
	_, out := d.sync()
	if len(out) != 2 || out[0].Payload != nil || len(d.decode(out[1]).Visits) != 2 {
		t.Fatalf("%+v goes up; want a tombstone, and the page without the visit", out)
	}
	// The server's record still had the visit when somebody sent it again.
	in.Modified = d.at + 100
	d.sync(in)
	if p := d.pages()[site(1)]; p.VisitCount != 2 {
		t.Fatalf("the deleted visit came back: %+v", p)
	}
	// But the user may say that it was after all.
	d.visit(site(1), "", 2*time.Hour, history.Typed)
	if p := d.pages()[site(1)]; p.VisitCount != 3 {
		t.Fatalf("the user's visit is not there: %+v", p)
	}
	if done, err := d.DeleteBetween(t.Context(), history.Between{}); err != nil || done.Pages != 1 || len(d.pages()) != 0 {
		t.Fatalf("deleting everything: %+v, %v", done, err)
	}
}

func TestDeletingAURL(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.visit("https://example.org/a", "", 0, history.Link)
	if done, err := d.DeleteURL(t.Context(), " HTTPS://Example.org/a"); err != nil || done.Pages != 1 {
		t.Fatalf("deleted %+v, %v", done, err)
	}
	for _, url := range []string{"https://example.org/a", "no url at all"} {
		if _, err := d.DeleteURL(t.Context(), url); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("deleting what is not there: %v", err)
		}
	}
}

func TestVisitingADeletedPageAgain(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	p := d.visit(site(1), "", 2*time.Hour, history.Link)
	d.sync()
	d.must(d.Delete(t.Context(), p.ID))
	again := d.visit(site(1), "", 0, history.Link)
	_, out := d.sync()
	if len(out) != 2 || out[0].ID != p.ID || out[0].Payload != nil || out[1].ID != again.ID || len(d.decode(out[1]).Visits) != 1 {
		t.Fatalf("%+v goes up; want a tombstone for the old page, and the new one without the old visit", out)
	}
	if _, out := d.sync(); len(out) != 0 {
		t.Fatalf("%d go up again", len(out))
	}
}

func TestADeletionYieldsToALaterVisit(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	in := d.record("aaaaaaaaaaaa", site(1), "", at(time.Hour, 1))
	d.sync(in)
	d.must(d.Delete(t.Context(), in.ID))
	if _, out := d.sync(in); len(out) != 1 || out[0].Payload != nil || len(d.pages()) != 0 {
		t.Fatalf("the record that was deleted came back: %+v goes up", out)
	}
	d.sync(in)
	d.must(d.Delete(t.Context(), in.ID))
	d.must(d.Reset(t.Context(), engine.Association{}))
	later := d.record("aaaaaaaaaaaa", site(1), "", at(-time.Hour, 1)) // an hour after, by that device's clock
	if _, out := d.sync(later); len(out) != 0 || len(d.pages()) != 1 {
		t.Fatalf("a visit after the deletion did not bring the page back: %+v goes up", out)
	}
}

package history_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/history"
)

// aged is a device with pages that were visited a day apart, the first one last, all of them sent.
func aged(t *testing.T, pages int) *device {
	t.Helper()
	d := newDevice(t)
	_, err := d.Import(t.Context(), func(yield func(history.Page, error) bool) {
		for i := range pages {
			p := history.Page{URL: fmt.Sprintf("https://example.org/%d", i), Visits: []history.Visit{{At: now.Add(-time.Duration(i) * time.Hour), Type: history.Link}}}
			if !yield(p, nil) {
				return
			}
		}
	}, nil, importing.Options{})
	d.must(err)
	d.sync()
	return d
}

func (d *device) prune(keep int) history.Deleted {
	d.t.Helper()
	gone, err := d.Prune(d.t.Context(), keep)
	d.must(err)
	return gone
}

func TestPruneDeletesTheOldest(t *testing.T) {
	t.Parallel()
	const pages, keep = 600, 10 // more than one transaction
	d := aged(t, pages)
	d.visit("https://example.org/599", "", time.Minute, history.Link) // one is older, and one newer
	d.sync()
	if gone := d.prune(keep); gone != (history.Deleted{Pages: pages - keep, Visits: pages + 1 - keep}) {
		t.Errorf("pruned %+v", gone)
	}
	left := d.pages()
	if len(left) != keep || left["https://example.org/599"].VisitCount != 1 || left["https://example.org/8"].VisitCount != 1 {
		t.Errorf("left are %d pages: %+v", len(left), left)
	}
	if gone := d.prune(keep); gone != (history.Deleted{}) {
		t.Errorf("pruned %+v again", gone)
	}
	// Nobody else hears of it.
	d.wantChanges("pruned", 0)
	if _, out := d.sync(); len(out) != 0 {
		t.Errorf("sent %+v", out)
	}
}

func TestWhatPruneKeeps(t *testing.T) {
	t.Parallel()
	d := aged(t, 5)
	// Of this one the server has a visit that the user deleted.
	d.must(d.DeleteVisit(t.Context(), d.visit("https://example.org/3", "", 40*time.Hour, history.Link).URL, now.Add(-3*time.Hour)))
	d.sync()
	unsent := d.visit("https://example.org/unsent", "", 10*time.Hour, history.Link)
	d.visit("https://example.org/4", "", 20*time.Hour, history.Link) // not sent either
	gone := d.prune(0)
	left := d.pages()
	if gone.Pages != 3 || len(left) != 3 || left[unsent.URL].VisitCount != 1 || left["https://example.org/4"].VisitCount != 2 || left["https://example.org/3"].VisitCount != 1 {
		t.Errorf("pruned %+v, and left are %+v", gone, left)
	}
}

// Visits of one moment are one age: those that are kept do not go with those that are not.
func TestPruneKeepsEnough(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	for i := range 20 {
		d.visit(fmt.Sprintf("https://example.org/%d", i), "", time.Hour, history.Link)
	}
	d.sync()
	if gone := d.prune(5); gone != (history.Deleted{}) {
		t.Errorf("pruned %+v", gone)
	}
}

func TestMaintainFreesTheDisk(t *testing.T) {
	t.Parallel()
	d := aged(t, 3000)
	if gone := d.prune(10); gone.Pages != 2990 {
		t.Fatalf("pruned %+v", gone)
	}
	if freed, err := d.Maintain(t.Context()); err != nil || freed <= 0 {
		t.Errorf("freed %d bytes, %v", freed, err)
	}
	if freed, err := d.Maintain(t.Context()); err != nil || freed != 0 {
		t.Errorf("freed %d bytes more, %v", freed, err)
	}
	found, err := d.Search(t.Context(), "example 7", 10)
	if err != nil || len(found) != 1 || found[0].URL != "https://example.org/7" {
		t.Errorf("found %+v, %v", found, err)
	}
	if n, err := d.Count(t.Context()); err != nil || n != 10 {
		t.Errorf("%d pages, %v", n, err)
	}
}

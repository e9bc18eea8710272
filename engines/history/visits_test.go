package history_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

func TestVisitsByRange(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	const a, b = "https://a.example/", "https://www.b.example:8443/x"
	d.visit(a, "", 3*time.Hour, history.Link)
	d.visit(b, "", 3*time.Hour, history.Typed) // at the same moment
	d.visit(a, "", 2*time.Hour, history.Reload)
	d.visit(b, "", time.Hour, history.Link)
	for _, c := range []struct {
		name  string
		which history.Visits
		want  string
	}{
		{"all", history.Visits{}, "b1 a9 b2 a1"},
		{"from", history.Visits{Between: history.Between{From: now.Add(-2 * time.Hour)}}, "b1 a9"},
		{"to", history.Visits{Between: history.Between{To: now.Add(-2 * time.Hour)}}, "b2 a1"},
		{"no reloads and links", history.Visits{Except: []history.Transition{history.Link, history.Reload}}, "b2"},
		{"none", history.Visits{Between: history.Between{From: now}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for v, err := range d.ListVisits(t.Context(), c.which) {
				d.must(err)
				got = append(got, fmt.Sprintf("%c%d", v.URL[len("https://")+map[string]int{a: 0, b: 4}[v.URL]], v.Type))
			}
			if fmt.Sprint(got) != "["+c.want+"]" {
				t.Errorf("got %v; want %s", got, c.want)
			}
			if n, err := d.CountVisits(t.Context(), c.which); err != nil || n != len(got) {
				t.Errorf("counted %d, %v; want %d", n, err, len(got))
			}
		})
	}
	if n, err := d.CountVisitsOfHost(t.Context(), "b.example", history.Visits{Except: []history.Transition{history.Typed}}); n != 1 || err != nil {
		t.Errorf("b has %d visits, %v; want 1", n, err)
	}
	if _, err := d.CountVisitsOfHost(t.Context(), "https://b.example/", history.Visits{}); !errors.Is(err, history.ErrHost) {
		t.Errorf("counted with %v", err)
	}
}

// A list may be read a page at a time, also where many visits are at one moment.
func TestVisitsGoOnAfterOne(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	const pages = 300 // more than one of the engine's own pages
	for i := range pages {
		d.visit(fmt.Sprintf("https://%d.example/", i), "", time.Hour, history.Link)
	}
	seen := map[string]bool{}
	var which history.Visits
	for len(seen) < pages {
		n := 0
		for v, err := range d.ListVisits(t.Context(), which) {
			d.must(err)
			if seen[v.URL] {
				t.Fatalf("%s is listed twice", v.URL)
			}
			seen[v.URL], which.After = true, &v
			if n++; n == 70 {
				break
			}
		}
		if n == 0 {
			t.Fatalf("the list ends after %d", len(seen))
		}
	}
	for v, err := range d.ListVisits(t.Context(), which) {
		t.Errorf("there is one more: %v, %v", v, err)
	}
}

func TestDeleteVisit(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	const url = "https://example.org/"
	d.visit(url, "", 2*time.Hour, history.Link)
	d.visit(url, "", time.Hour, history.Link)
	d.must(d.DeleteVisit(t.Context(), url, now.Add(-time.Hour)))
	p, err := d.GetURL(t.Context(), url)
	if err != nil || p.VisitCount != 1 || !p.LastVisit.Equal(now.Add(-2*time.Hour)) {
		t.Fatalf("the page is %+v, %v", p, err)
	}
	for _, at := range []time.Time{now, now.Add(-time.Hour)} {
		if err := d.DeleteVisit(t.Context(), url, at); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("deleted one at %v with %v", at, err)
		}
	}
	if err := d.DeleteVisit(t.Context(), "https://nowhere.example/", now); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("deleted with %v", err)
	}
	d.must(d.DeleteVisit(t.Context(), url, now.Add(-2*time.Hour)))
	if _, err := d.GetURL(t.Context(), url); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a page without visits is there: %v", err)
	}
}

func TestVisited(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.visit("https://example.org/a", "", time.Hour, history.Link)
	got, err := d.Visited(t.Context(), []string{"https://example.org/b", "HTTPS://Example.org/a", "", "no address"})
	if err != nil || !slices.Equal(got, []bool{false, true, false, false}) {
		t.Errorf("visited: %v, %v", got, err)
	}
}

package history_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

const article, player, results = "https://example.org/article", "https://example.org/player", "https://search.example/?q=sync"

// users is a device with three pages and a clock that the test moves.
func users(t *testing.T) (d *device, pass func(time.Duration)) {
	t.Helper()
	d = newDevice(t)
	for _, url := range []string{article, player, results} {
		d.visit(url, "", time.Hour, history.Link)
	}
	return d, func(by time.Duration) { d.ahead += by }
}

func (d *device) use(u history.Use) {
	d.t.Helper()
	d.must(d.NoteUse(d.t.Context(), u))
}

func (d *device) uses(when history.Between) (list []history.Use) {
	d.t.Helper()
	for u, err := range d.Uses(d.t.Context(), when) {
		d.must(err)
		list = append(list, u)
	}
	return list
}

func TestUsesGoOn(t *testing.T) {
	t.Parallel()
	d, pass := users(t)
	u := history.Use{URL: article, SearchTerm: "sync", Referrer: results, Viewed: 10 * time.Second}
	d.use(u)
	pass(20 * time.Minute)
	d.use(u)
	pass(29 * time.Minute)
	d.use(u)
	pass(time.Minute)
	d.use(history.Use{URL: article, Viewed: time.Second})
	got := d.uses(history.Between{})
	if len(got) != 2 || got[1].Viewed != 30*time.Second || got[1].To.Sub(got[1].From) != 49*time.Minute || got[1].Referrer != results || got[1].SearchTerm != "sync" {
		t.Fatalf("the uses are %+v; want one of 30 seconds and one of another kind", got)
	}
	pass(31 * time.Minute)
	d.use(u)
	if got := d.uses(history.Between{}); len(got) != 3 {
		t.Errorf("half an hour later there are %d uses; want another", len(got))
	}
	last, err := d.LastUse(t.Context(), article)
	if err != nil || last.Viewed != 10*time.Second || last.SearchTerm != "sync" {
		t.Errorf("the last use is %+v, %v", last, err)
	}
	if got := d.uses(history.Between{To: last.To}); len(got) != 2 {
		t.Errorf("before the last there are %d", len(got))
	}
	if got := d.uses(history.Between{From: last.To}); len(got) != 1 {
		t.Errorf("from the last on there are %d", len(got))
	}
}

func TestUsesThatCannotBe(t *testing.T) {
	t.Parallel()
	d, _ := users(t)
	for name, u := range map[string]history.Use{
		"negative": {URL: article, Viewed: -1},
		"too long": {URL: article, Viewed: 25 * time.Hour},
		"term":     {URL: article, SearchTerm: strings.Repeat("x", 501)},
		"kind":     {URL: article, Kind: 7},
	} {
		if err := d.NoteUse(t.Context(), u); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%s: noted with %v", name, err)
		}
	}
	if err := d.NoteUse(t.Context(), history.Use{URL: "https://nowhere.example/"}); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("noted with %v", err)
	}
	if _, err := d.LastUse(t.Context(), article); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("looked up with %v", err)
	}
	d.use(history.Use{URL: article, Referrer: "https://nowhere.example/"})
	if u, err := d.LastUse(t.Context(), article); err != nil || u.Referrer != "" {
		t.Errorf("the use is %+v, %v", u, err)
	}
	if _, err := d.Highlights(t.Context(), time.Time{}, 1.5, 3); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("highlights with %v", err)
	}
}

func TestHighlights(t *testing.T) {
	t.Parallel()
	d, pass := users(t)
	d.use(history.Use{URL: player, Kind: history.UseMedia, Viewed: time.Hour})
	for range 3 {
		pass(time.Hour)
		d.use(history.Use{URL: article, Viewed: time.Minute})
	}
	for weight, want := range map[float64]string{0: article, 1: player} {
		best, err := d.Highlights(t.Context(), time.Time{}, weight, 1)
		if err != nil || len(best) != 1 || best[0].URL != want {
			t.Errorf("by %g the best is %+v, %v; want %s", weight, best, err, want)
		}
	}
	best, err := d.Highlights(t.Context(), time.Time{}, 0.5, 10)
	if err != nil || len(best) != 2 || best[0].Score+best[1].Score < 0.999 || best[0].Uses+best[1].Uses != 4 {
		t.Errorf("the highlights are %+v, %v", best, err)
	}
	if best, err = d.Highlights(t.Context(), now.Add(time.Minute), 1, 10); err != nil || len(best) != 1 || best[0].URL != article {
		t.Errorf("since a minute later: %+v, %v", best, err)
	}
}

// How a page was used is history too.
func TestUsesGoWithTheHistory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(d *device) error
		left int
	}{
		"the page":     {func(d *device) error { return d.Delete(d.t.Context(), d.page(article).ID) }, 1},
		"the referrer": {func(d *device) error { return d.Delete(d.t.Context(), d.page(results).ID) }, 2},
		"that time": {func(d *device) error {
			_, err := d.DeleteBetween(d.t.Context(), history.Between{From: now.Add(time.Minute)})
			return err
		}, 1},
		"those alone": {func(d *device) error { _, err := d.ForgetUses(d.t.Context(), history.Between{}); return err }, 0},
		"all":         {func(d *device) error { return d.Wipe(d.t.Context()) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, pass := users(t)
			d.use(history.Use{URL: article, SearchTerm: "sync", Referrer: results})
			pass(time.Hour)
			d.use(history.Use{URL: player, Referrer: results})
			d.must(c.do(d))
			if got := d.uses(history.Between{}); len(got) != c.left {
				t.Errorf("left are %+v; want %d", got, c.left)
			}
		})
	}
}

func (d *device) page(url string) history.Page {
	d.t.Helper()
	p, err := d.GetURL(d.t.Context(), url)
	d.must(err)
	return p
}

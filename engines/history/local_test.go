package history_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/history"
)

func (d *device) add(url string, v history.Visit) history.Page {
	d.t.Helper()
	if v.At.IsZero() {
		v.At = now.Add(-time.Hour)
	}
	_, err := d.AddVisit(d.t.Context(), url, "", v)
	d.must(err)
	p, err := d.GetURL(d.t.Context(), url)
	d.must(err)
	return p
}

func TestAVisitHasAReferrer(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.visit(results, "", 2*time.Hour, history.Typed)
	if v := d.add(article, history.Visit{Referrer: results}).Visits[0]; v.Referrer != results {
		t.Errorf("the visit is %+v", v)
	}
	if v := d.add(player, history.Visit{Referrer: "https://nowhere.example/"}).Visits[0]; v.Referrer != "" {
		t.Errorf("the visit is %+v; want no referrer that is not in the history", v)
	}
	for v, err := range d.ListVisits(t.Context(), history.Visits{}) {
		d.must(err)
		if want := map[string]string{article: results}[v.URL]; v.Referrer != want {
			t.Errorf("%s comes from %q; want %q", v.URL, v.Referrer, want)
		}
	}
	// A page that is deleted is not left in others.
	d.must(d.Delete(t.Context(), d.page(results).ID))
	if v := d.page(article).Visits[0]; v.Referrer != "" {
		t.Errorf("after the deletion the visit is %+v", v)
	}
}

// A page that only sent the user on, or could not be loaded, was not seen.
func TestPagesThatNobodySaw(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.add("https://from.example/", history.Visit{Type: history.Typed, Redirected: true})
	d.add("https://broken.example/", history.Visit{Type: history.Typed, Failed: true})
	target := d.add("https://to.example/", history.Visit{Type: history.RedirectTemporary, Referrer: "https://from.example/"})
	if target.Hidden || target.Visits[0].Referrer != "https://from.example/" {
		t.Errorf("the target is %+v", target)
	}
	if pages := d.pages(); len(pages) != 1 {
		t.Errorf("%d pages are listed; want the target", len(pages))
	}
	d.wantChanges("pages that nobody saw stay here", 1)
	from, broken := d.page("https://from.example/"), d.page("https://broken.example/")
	if !from.Hidden || !from.Visits[0].Redirected || !broken.Hidden || !broken.Visits[0].Failed {
		t.Errorf("they are %+v and %+v", from, broken)
	}
	// Seen at another time, they are pages like others.
	if p := d.add("https://broken.example/", history.Visit{At: now}); p.Hidden || p.VisitCount != 2 {
		t.Errorf("seen, it is %+v", p)
	}
	d.wantChanges("a page that was seen", 2)
	// And are not, once that visit is deleted.
	d.must(d.DeleteVisit(t.Context(), "https://broken.example/", now))
	if p := d.page("https://broken.example/"); !p.Hidden {
		t.Errorf("without that visit, it is %+v", p)
	}
}

func TestWhatCouldNotBeLoadedDoesNotRank(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.visit("https://good.example/", "", 40*24*time.Hour, history.Link)
	d.visit("https://bad.example/", "", 50*24*time.Hour, history.Link)
	for i := range 5 {
		d.add("https://bad.example/", history.Visit{Type: history.Typed, Failed: true, At: now.Add(-time.Duration(i) * time.Hour)})
	}
	if good, bad := d.score("https://good.example/"), d.score("https://bad.example/"); bad >= good || bad <= 0 {
		t.Errorf("the scores are %g and %g; want the first higher", good, bad)
	}
}

func (d *device) score(url string) float64 {
	d.t.Helper()
	top, err := d.Top(d.t.Context(), 100, 0)
	d.must(err)
	for _, r := range top {
		if r.URL == url {
			return r.Score
		}
	}
	return 0
}

func TestVisitsOfOtherDevices(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	own := d.visit(article, "", time.Hour, history.Link)
	d.sync()
	d.sync(
		d.record(own.ID, article, "", at(time.Hour, 1), at(2*time.Hour, 1)),
		d.record("otherpageAAA", player, "", at(3*time.Hour, 1)),
	)
	count := func(which history.Visits) int {
		t.Helper()
		n, err := d.CountVisits(t.Context(), which)
		d.must(err)
		listed := 0
		for v, err := range d.ListVisits(t.Context(), which) {
			d.must(err)
			listed++
			if v.Remote != v.At.Before(now.Add(-time.Hour)) {
				t.Errorf("%+v", v)
			}
		}
		if listed != n {
			t.Errorf("%d are listed, and %d counted", listed, n)
		}
		return n
	}
	if all, local := count(history.Visits{}), count(history.Visits{OnlyLocal: true}); all != 3 || local != 1 {
		t.Errorf("%d visits, %d of this device; want 3 and 1", all, local)
	}
	if n, err := d.CountVisitsOfHost(t.Context(), "example.org", history.Visits{OnlyLocal: true}); err != nil || n != 1 {
		t.Errorf("of the host %d, %v", n, err)
	}
}

// Records have no fields for what is kept here, and what they have besides goes back.
func TestWhatStaysHereIsNotSent(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.visit(results, "", time.Hour, history.Typed)
	p := d.add(article, history.Visit{Referrer: results, Remote: true})
	d.must(d.SetPreviewImage(t.Context(), article, "https://example.org/picture.png"))
	d.sync()
	d.sync(d.record(p.ID, article, "Title", `{"date":1795366400000000,"type":1,"referrer":"theirs"}`))
	d.visit(article, "", time.Minute, history.Link)
	_, out := d.sync()
	if len(out) != 1 || !strings.Contains(string(out[0].Payload), `"referrer":"theirs"`) ||
		strings.Contains(string(out[0].Payload), results) || strings.Contains(string(out[0].Payload), "picture") || strings.Contains(string(out[0].Payload), "flags") {
		t.Errorf("sent %s", out[0].Payload)
	}
	if p := d.page(article); p.PreviewImage != "https://example.org/picture.png" {
		t.Errorf("after the sync the page is %+v", p)
	}
}

func TestPreviewImage(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	ctx := t.Context()
	const image = "https://example.org/a.png"
	p, err := d.Add(ctx, history.Page{URL: article, PreviewImage: image, Visits: []history.Visit{{At: now.Add(-time.Hour)}}})
	if err != nil || p.PreviewImage != image {
		t.Fatalf("added %+v, %v", p, err)
	}
	d.sync()
	// An edit that does not name it keeps it, and it is not an edit to send.
	if p, err = d.Update(ctx, history.Page{ID: p.ID, PreviewImage: image + "?2"}); err != nil || p.PreviewImage != image+"?2" {
		t.Errorf("updated %+v, %v", p, err)
	}
	if p, err = d.Update(ctx, history.Page{ID: p.ID}); err != nil || p.PreviewImage != image+"?2" {
		t.Errorf("updated %+v, %v", p, err)
	}
	d.wantChanges("an image", 0)
	for v, err := range d.ListVisits(ctx, history.Visits{}) {
		if err != nil || v.PreviewImage != image+"?2" {
			t.Errorf("the visit is %+v, %v", v, err)
		}
	}
	d.must(d.SetPreviewImage(ctx, article, ""))
	if p := d.page(article); p.PreviewImage != "" {
		t.Errorf("taken away, it is %+v", p)
	}
	for _, bad := range []string{"picture.png", "data:image/png;base64,AAAA", "javascript:alert(1)", "https://" + strings.Repeat("x", 70_000)} {
		if err := d.SetPreviewImage(ctx, article, bad); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%.40q: %v", bad, err)
		}
		if _, err := d.Update(ctx, history.Page{ID: p.ID, PreviewImage: bad}); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
	if err := d.SetPreviewImage(ctx, "https://nowhere.example/", image); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("of no page: %v", err)
	}
}

// What is kept of visits goes through an export, and through a deletion that is undone.
func TestWhatStaysHereComesBack(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	ctx := t.Context()
	d.add(results, history.Visit{Type: history.Typed})
	d.add(article, history.Visit{At: now.Add(-3 * time.Hour), Failed: true})
	d.add(article, history.Visit{At: now.Add(-2 * time.Hour), Remote: true})
	d.add(article, history.Visit{At: now.Add(-time.Hour), Referrer: results, Redirected: true})
	d.must(d.SetPreviewImage(ctx, article, "https://example.org/a.png"))
	before := d.page(article)

	var file bytes.Buffer
	d.must(d.Export(ctx, &file))
	other := newDevice(t)
	_, err := other.ImportFrom(ctx, &file, importing.Options{})
	d.must(err)
	same := func(what string, got history.Page) {
		t.Helper()
		if len(got.Visits) != len(before.Visits) || got.PreviewImage != before.PreviewImage {
			t.Fatalf("%s it is %+v; want %+v", what, got, before)
		}
		for i := range got.Visits {
			if got.Visits[i] != before.Visits[i] {
				t.Errorf("%s the visit is %+v; want %+v", what, got.Visits[i], before.Visits[i])
			}
		}
	}
	same("imported,", other.page(article))

	d.sync()
	d.sync(d.tombstone(before.ID))
	_, err = d.Undo(ctx, "")
	d.must(err)
	before.Visits[0].Referrer = "" // it does not come back
	same("brought back,", d.page(article))
}

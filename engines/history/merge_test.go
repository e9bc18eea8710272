package history_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

const day = 24 * time.Hour

func TestRecordsOfARealFirefox(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/firefox-esr-153.json")
	if err != nil {
		t.Fatal(err)
	}
	var records []json.RawMessage
	if err := json.Unmarshal(raw, &records); err != nil {
		t.Fatal(err)
	}
	d := newDevice(t)
	var in []engine.Incoming
	want := make(map[engine.ID]any)
	for _, r := range records {
		var v map[string]any
		d.must(json.Unmarshal(r, &v))
		id := engine.ID(v["id"].(string))
		in = append(in, engine.Incoming{ID: id, Modified: d.at, Payload: r})
		want[id] = v
	}
	if m, out := d.sync(in...); m.Applied != len(in) || m.Failed != 0 || len(out) != 0 {
		t.Fatalf("merged %+v, %d go up", m, len(out))
	}
	// Told to send all, it sends what came.
	d.must(d.Reset(t.Context(), engine.Association{Global: "g"}))
	_, out := d.sync()
	if len(out) != len(in) {
		t.Fatalf("%d go up; want %d", len(out), len(in))
	}
	for _, o := range out {
		var got any
		d.must(json.Unmarshal(o.Payload, &got))
		if !reflect.DeepEqual(got, want[o.ID]) {
			t.Errorf("sent %s\nwant %v", o.Payload, want[o.ID])
		}
		if o.TTL != 5184000 {
			t.Errorf("a TTL of %d seconds", o.TTL)
		}
	}
}

func TestVisitsAreASet(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	const url = "https://example.org/"
	for i := range 15 {
		d.visit(url, "Example", time.Duration(i)*time.Hour, history.Link)
	}
	var theirs []string
	for i := range 15 {
		theirs = append(theirs, at(time.Duration(i+10)*time.Hour, 1)) // five of them are ours too
	}
	theirs = append(theirs, at(0, 2)) // the same moment, another way
	m, out := d.sync(d.record("abcdefghijkl", url, "Example", theirs...))
	p := d.pages()[url]
	if p.ID != "abcdefghijkl" || p.VisitCount != 26 || p.TypedCount != 1 || m.Applied != 1 {
		t.Fatalf("the page is %+v, merged %+v; want 26 visits under the account's id", p, m)
	}
	if len(out) != 1 {
		t.Fatalf("%d go up; want the union", len(out))
	}
	r := d.decode(out[0])
	if len(r.Visits) != 20 || r.Visits[0].Date != now.UnixMicro() || r.Visits[0].Type != 2 {
		t.Fatalf("sent %+v; want the newest 20 visits", r)
	}
	for i := range r.Visits[1:] {
		if r.Visits[i].Date < r.Visits[i+1].Date {
			t.Fatalf("sent in another order than newest first: %+v", r.Visits)
		}
	}
}

func TestWhatOneSyncSends(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	const surplus = 10
	for i := range 5000 + surplus {
		kind := history.Typed
		if i < surplus {
			kind = history.Link // of less weight
		}
		d.visit(site(i), "", time.Hour, kind)
	}
	_, out := d.sync()
	if len(out) != 5000 {
		t.Fatalf("%d go up; want 5000", len(out))
	}
	for _, o := range out {
		if d.decode(o).Visits[0].Type == 1 {
			t.Fatalf("%s went up before pages of more weight", o.Payload)
		}
		if o.SortIndex == nil || *o.SortIndex < 20000 || *o.SortIndex > 999_999_999 {
			t.Fatalf("a sortindex of %v", o.SortIndex)
		}
	}
	d.wantChanges("after the first sync", surplus)
	if _, out = d.sync(); len(out) != surplus {
		t.Fatalf("%d go up with the second; want %d", len(out), surplus)
	}
}

func TestAFirstSyncSendsThirtyDays(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	recent := d.visit(site(1), "", 29*day, history.Link)
	old := d.visit(site(2), "", 31*day, history.Link)
	if _, out := d.sync(); len(out) != 1 || out[0].ID != recent.ID {
		t.Fatalf("%d go up; want the one of 29 days ago", len(out))
	}
	d.wantChanges("after the first sync", 0)
	d.visit(site(2), "", time.Hour, history.Link)
	if _, out := d.sync(); len(out) != 1 || out[0].ID != old.ID || len(d.decode(out[0]).Visits) != 2 {
		t.Fatalf("%d go up after another visit; want the old page with both", len(out))
	}
}

func TestPagesThatStayHere(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.visit("file:///home/ann/letter.html", "", 0, history.Typed)
	d.visit("https://example.org/download.zip", "", 0, history.Download)
	d.visit("https://example.org/frame", "", 0, history.FramedLink)
	d.visit("https://example.org/embedded", "", 0, history.Embed)
	d.wantChanges("after visits that are not for others", 0)
	if _, out := d.sync(); len(out) != 0 {
		t.Fatalf("%d go up", len(out))
	}
	d.visit("https://example.org/frame", "", time.Hour, history.Link)
	if _, out := d.sync(); len(out) != 1 {
		t.Fatalf("%d go up; want the page that was seen by itself after all", len(out))
	}
	m, _ := d.sync(d.record("aaaaaaaaaaaa", "file:///etc/passwd", "theirs", at(0, 1)), d.record("bbbbbbbbbbbb", "about:config", "theirs", at(0, 1)))
	if m.Applied != 0 || m.Failed != 0 {
		t.Fatalf("merged %+v; want nothing applied, and no failure that the user could do nothing about", m)
	}
}

func TestOnePageUnderTwoIDs(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	a, b := d.record("aaaaaaaaaaaa", site(1), "A", at(time.Hour, 1)), d.record("bbbbbbbbbbbb", site(1), "B", at(2*time.Hour, 1))
	_, out := d.sync(a, b)
	pages := d.pages()
	if len(pages) != 1 || pages[site(1)].ID != "bbbbbbbbbbbb" || pages[site(1)].VisitCount != 2 {
		t.Fatalf("the pages are %+v; want one, under the newer ID, with both visits", pages)
	}
	if len(out) != 2 || out[0].ID != "aaaaaaaaaaaa" || out[0].Payload != nil {
		t.Fatalf("%+v goes up; want a tombstone for the older ID, and the union", out)
	}
	// The server gives them again, because the tombstone did not arrive in time.
	d.at += 1000
	if m, out := d.sync(); m.Applied != 0 || len(out) != 0 {
		t.Fatalf("the sync after that applies %d and sends %d", m.Applied, len(out))
	}
}

func TestTwoIDsComeAgainBeforeTheTombstoneIsThere(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	a, b := d.record("aaaaaaaaaaaa", site(1), "A", at(time.Hour, 1)), d.record("bbbbbbbbbbbb", site(1), "A", at(time.Hour, 1))
	for range 3 {
		s, err := d.Begin(t.Context(), engine.Start{})
		d.must(err)
		d.must(s.Stage(t.Context(), []engine.Incoming{a, b}))
		_, err = s.Merge(t.Context(), d.at)
		d.must(err)
		d.must(s.End(t.Context(), errors.New("no network")))
		if p := d.pages()[site(1)]; p.ID != "bbbbbbbbbbbb" || p.VisitCount != 1 {
			t.Fatalf("the page is %+v", p)
		}
		d.wantChanges("with a tombstone to send", 1)
	}
}

func TestAnIDThatChangesItsPage(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.sync(d.record("aaaaaaaaaaaa", site(1), "One", at(time.Hour, 1)))
	_, out := d.sync(d.record("aaaaaaaaaaaa", site(2), "Two", at(time.Hour, 1)))
	pages := d.pages()
	if len(pages) != 2 || pages[site(2)].ID != "aaaaaaaaaaaa" || pages[site(1)].ID == "aaaaaaaaaaaa" {
		t.Fatalf("the pages are %+v; want both, the second under the ID", pages)
	}
	if len(out) != 1 || out[0].ID != pages[site(1)].ID {
		t.Fatalf("%d go up; want the first page under its new ID", len(out))
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	title := func() string { return d.pages()[site(1)].Title }
	d.sync(d.record("aaaaaaaaaaaa", site(1), "first", at(time.Hour, 1)))
	d.sync(d.record("aaaaaaaaaaaa", site(1), "second", at(time.Hour, 1)))
	if title() != "second" {
		t.Fatalf("the title is %q; want the account's", title())
	}
	d.sync(d.record("aaaaaaaaaaaa", site(1), "", at(time.Hour, 1)))
	if title() != "second" {
		t.Fatalf("the title is %q; an empty one says nothing", title())
	}
	d.must(retitle(t.Context(), d.Engine, "aaaaaaaaaaaa", "ours"))
	_, out := d.sync(d.record("aaaaaaaaaaaa", site(1), "second", at(time.Hour, 1), at(0, 1)))
	if title() != "ours" || len(out) != 1 || d.decode(out[0]).Title != "ours" || len(d.decode(out[0]).Visits) != 2 {
		t.Fatalf("the title is %q, %d go up; want ours to stand where they only added a visit", title(), len(out))
	}
	if found, err := d.Search(t.Context(), "our", 5); err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v under the new title", found, err)
	}
	if found, err := d.Search(t.Context(), "second", 5); err != nil || len(found) != 0 {
		t.Fatalf("found %v, %v under the old title", found, err)
	}
	if err := retitle(t.Context(), d.Engine, "nowhere", "x"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a title for nothing: %v", err)
	}
}

func TestUnknownFieldsOfVisitsGoBack(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.sync(d.record("aaaaaaaaaaaa", site(1), "x", fmt.Sprintf(`{"date":%d,"type":1,"from":{"a":[1.50]}}`, now.UnixMicro())))
	d.visit(site(1), "", time.Hour, history.Link)
	_, out := d.sync()
	if len(out) != 1 || !bytes.Contains(out[0].Payload, []byte(`"from":{"a":[1.50]}`)) {
		t.Fatalf("sent %s", out[0].Payload)
	}
}

func TestASyncThatDeletesMostWaits(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	var in, gone []engine.Incoming
	for i := range 40 {
		id := engine.ID(fmt.Sprintf("page%08d", i))
		in = append(in, d.record(id, site(i), "", at(time.Hour, 1)))
	}
	d.sync(in...)
	for i := range 21 {
		gone = append(gone, d.tombstone(in[i].ID))
	}
	_, _, err := d.try(engine.Start{}, gone...)
	var hold *engine.TooManyDeletionsError
	if !errors.As(err, &hold) || hold.Deletions != 21 || hold.Total != 40 {
		t.Fatalf("merged with %v; want to be asked about 21 of 40", err)
	}
	if n := len(d.pages()); n != 40 {
		t.Fatalf("%d pages are left before the answer", n)
	}
	if _, _, err = d.try(engine.Start{AcceptDeletions: true}, gone...); err != nil || len(d.pages()) != 19 {
		t.Fatalf("%d pages are left, %v; want 19", len(d.pages()), err)
	}
	if m, _ := d.sync(d.tombstone(in[30].ID)); m.Applied != 1 {
		t.Fatalf("a single deletion: %+v", m)
	}
}

func TestDeletionsAfterAReset(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	kept, gone := d.record("aaaaaaaaaaaa", site(1), "", at(time.Hour, 1)), d.record("bbbbbbbbbbbb", site(2), "", at(time.Hour, 1))
	mine := d.record("cccccccccccc", site(3), "", at(time.Hour, 1))
	d.sync(kept, gone, mine)
	d.must(d.Delete(t.Context(), mine.ID))
	d.must(d.Reset(t.Context(), engine.Association{Global: "g"}))
	// The others deleted one meanwhile, and know nothing of ours.
	again := mine
	again.Modified = d.at + 500
	_, out := d.sync(kept, d.tombstone("bbbbbbbbbbbb"), again)
	if pages := d.pages(); len(pages) != 1 || pages[site(1)].ID != kept.ID {
		t.Fatalf("the pages are %+v; want the one that nobody deleted", pages)
	}
	if len(out) != 1 || out[0].ID != mine.ID || out[0].Payload != nil {
		t.Fatalf("%+v goes up; want our deletion", out)
	}
}

// The server's clock is an hour ahead of this device's, or an hour behind: which
// title is newer does not depend on it.
func TestTheNewerTitleByTwoClocks(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]string{time.Hour: "ours", -time.Hour: "theirs"} {
		d := newDevice(t)
		d.visit(site(1), "ours", 0, history.Link)
		in := d.record("aaaaaaaaaaaa", site(1), "theirs", at(0, 1))
		// Half an hour after our edit by its own clock, if that were ours; or before.
		in.Modified = 179_537_000_000 + engine.Timestamp(skew/2/(10*time.Millisecond))
		if _, _, err := d.try(engine.Start{Skew: skew}, in); err != nil {
			t.Fatal(err)
		}
		if got := d.pages()[site(1)].Title; got != want {
			t.Errorf("a server %s ahead: the title is %q; want %q", skew, got, want)
		}
	}
}

// A page that another device deleted and visited again comes as two records, in any order.
// What was deleted gives nothing to the page that took its place, which would look like an
// edit of it and beat its next deletion.
func TestAPageThatWasDeletedAndVisitedAgain(t *testing.T) {
	t.Parallel()
	const url, old, fresh = "https://example.org/", engine.ID("old_________"), engine.ID("fresh_______")
	for _, c := range []struct {
		name    string
		visited bool // here too, meanwhile
		first   bool // the deletion comes first
		visits  int
		sent    int
	}{
		{"the page first", false, false, 1, 0},
		{"the deletion first", false, true, 1, 0},
		{"visited here meanwhile", true, false, 3, 1},
		{"visited here meanwhile, and the deletion first", true, true, 3, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDevice(t)
			d.sync(d.record(old, url, "Example", at(3*time.Hour, 1)))
			if c.visited {
				d.visit(url, "", time.Minute, history.Link)
			}
			in := []engine.Incoming{d.record(fresh, url, "Example", at(time.Hour, 1)), d.tombstone(old)}
			if c.first {
				slices.Reverse(in)
			}
			m, out := d.sync(in...)
			p, err := d.GetURL(t.Context(), url)
			d.must(err)
			if p.ID != fresh || p.VisitCount != c.visits || m.Applied+m.Reconciled != 2 {
				t.Errorf("the page is %+v, of %+v", p, m)
			}
			pages := 0
			for _, o := range out {
				if o.Payload != nil {
					pages++
				}
			}
			if pages != c.sent {
				t.Errorf("%d pages go up; want %d", pages, c.sent)
			}
		})
	}
}

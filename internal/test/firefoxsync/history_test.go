package firefoxsync_test

import (
	"reflect"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
)

func TestHistory(t *testing.T) {
	ff, ctx := firefoxsync.Start(t, firefoxsync.Options{}), t.Context()
	const minute, start = 60_000_000, 1_780_000_000_000_000
	at := func(minutes int64, transition int) firefoxsync.Visit {
		return firefoxsync.Visit{Time: start + minutes*minute, Transition: transition}
	}
	visits := func() map[string][]firefoxsync.Visit {
		t.Helper()
		pages, err := ff.History(ctx)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string][]firefoxsync.Visit{}
		for _, p := range pages {
			all[p.URL] = p.Visits
		}
		return all
	}
	if err := ff.AddVisits(ctx,
		firefoxsync.Page{URL: "https://a.example/1", Title: "Öne", Visits: []firefoxsync.Visit{at(2, 1), at(1, 2)}},
		firefoxsync.Page{URL: "https://a.example/2", Title: "Two", Visits: []firefoxsync.Visit{at(3, 1)}},
		firefoxsync.Page{URL: "https://b.example/", Visits: []firefoxsync.Visit{at(1, 8), at(4, 8)}},
		firefoxsync.Page{URL: "https://c.example/", Visits: []firefoxsync.Visit{at(5, 1)}},
	); err != nil {
		t.Fatal(err)
	}
	pages, err := ff.History(ctx)
	if err != nil || len(pages) != 4 {
		t.Fatalf("got %+v, %v", pages, err)
	}
	if p := pages[0]; p.Title != "Öne" || !p.Typed || p.Hidden || len(p.GUID) != 12 || p.Frecency == 0 {
		t.Errorf("the first page is %+v", p)
	}
	if p := pages[2]; !p.Hidden || p.Typed {
		t.Errorf("the page in a frame is %+v", p)
	}
	if got, want := pages[0].Visits, []firefoxsync.Visit{at(1, 2), at(2, 1)}; !reflect.DeepEqual(got, want) {
		t.Errorf("its visits are %+v, want %+v", got, want)
	}

	if err := ff.RemovePages(ctx, "https://c.example/", "https://absent.example/"); err != nil {
		t.Fatal(err)
	}
	if err := ff.RemoveVisits(ctx, start+minute, start+2*minute); err != nil {
		t.Fatal(err)
	}
	if got, want := visits(), (map[string][]firefoxsync.Visit{"https://a.example/2": {at(3, 1)}, "https://b.example/": {at(4, 8)}}); !reflect.DeepEqual(got, want) {
		t.Errorf("left: %v, want %v", got, want)
	}
	if err := ff.RemoveHost(ctx, "a.example"); err != nil {
		t.Fatal(err)
	}
	if got := visits(); len(got) != 1 || got["https://b.example/"] == nil {
		t.Errorf("left: %v", got)
	}
}

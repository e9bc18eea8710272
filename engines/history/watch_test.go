package history_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/history"
)

// TestWatchTellsWhichPagesChanged: an app shows what its user and other devices visited and
// deleted.
func TestWatchTellsWhichPagesChanged(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	next, stop := iter.Pull(d.Watch(t.Context()))
	defer stop()
	told := func(what string, user bool, ids ...engine.ID) {
		t.Helper()
		c, ok := next()
		if !ok || c.User != user || c.Sync == user || !slices.Equal(c.IDs, ids) {
			t.Errorf("%s: %+v, %v; want %q", what, c, ok, ids)
		}
	}
	p, err := d.Add(t.Context(), history.Page{URL: "https://one.example/", Title: "One"})
	d.must(err)
	told("a visit", true, p.ID)
	p.Title = "Other"
	_, err = d.Update(t.Context(), p)
	d.must(err)
	told("a title", true, p.ID)
	const theirs = `{"id":"theirpage001","histUri":"https://two.example/","title":"Two","visits":[{"date":1795369000000000,"type":1}]}`
	enginetest.Once(t, d.Engine, engine.Start{}, 200_000_000_000, enginetest.Record(200_000_000_000, theirs))
	told("a sync", false, "theirpage001")
	enginetest.Once(t, d.Engine, engine.Start{}, 200_000_000_100, engine.Incoming{ID: "theirpage001", Modified: 200_000_000_100})
	told("a deletion by a sync", false, "theirpage001")
	d.must(d.Delete(t.Context(), p.ID))
	told("a deletion", true, p.ID)
	d.must(d.Close())
	if c, ok := next(); ok {
		t.Errorf("after Close: %+v", c)
	}
}

// TestAnEditIsWhole: what a transaction of the user's did is kept, or none of it.
func TestAnEditIsWhole(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	stopped := errors.New("stopped")
	visit := []history.Visit{{At: time.UnixMicro(1795369000000000)}, {At: time.UnixMicro(1795369000000001), Type: history.Typed}}
	add := func(end error) error {
		return d.Edit(t.Context(), func(tx *history.Tx) error {
			p := history.Page{URL: "https://one.example/", Title: "One", Visits: visit}
			if err := tx.Add(&p); err != nil {
				return err
			}
			if p.ID == "" || p.VisitCount != 2 || p.TypedCount != 1 || len(p.Visits) != 2 {
				t.Errorf("added %+v", p)
			}
			p.Title = "Renamed"
			if err := tx.Update(&p); err != nil {
				return err
			}
			if again, err := tx.Get(p.ID); err != nil || again.Title != "Renamed" {
				t.Errorf("got %+v, %v", again, err)
			}
			return end
		})
	}
	if err := add(stopped); !errors.Is(err, stopped) {
		t.Fatal(err)
	}
	if n, err := d.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d pages, %v; want none", n, err)
	}
	d.must(add(nil))
	all, err := engine.Collect(d.List(context.Background()))
	if err != nil || len(all) != 1 || all[0].Title != "Renamed" {
		t.Errorf("%+v, %v", all, err)
	}
}

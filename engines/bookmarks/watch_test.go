package bookmarks_test

import (
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// TestWatchTellsWhichItemsChanged: an app shows what its user and other devices did, also
// where an edit of one bookmark's tags changes another of the same URL.
func TestWatchTellsWhichItemsChanged(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	next, stop := iter.Pull(p.one.Watch(t.Context()))
	defer stop()
	told := func(what string, user bool, ids ...engine.ID) {
		t.Helper()
		c, ok := next()
		slices.Sort(ids)
		if !ok || c.User != user || c.Sync == user || !slices.Equal(c.IDs, ids) {
			t.Errorf("%s: %+v, %v; want %q", what, c, ok, ids)
		}
	}
	url := p.one.get(p.a).URL
	twin, err := p.one.Add(t.Context(), bookmarks.Item{URL: url, Title: "twin"})
	must(t, err)
	told("a new one", true, twin.ID, bookmarks.Unfiled)
	must(t, p.one.Tag(t.Context(), twin.ID, "tagged"))
	told("a tag", true, p.a, twin.ID)
	twin = p.one.get(twin.ID)
	twin.Title = "renamed"
	_, err = p.one.Update(t.Context(), twin)
	must(t, err)
	told("a title", true, twin.ID)
	must(t, p.one.Delete(t.Context(), twin.ID))
	told("a deletion", true, twin.ID, bookmarks.Unfiled)

	title := "from two"
	_, err = p.two.UpdateFields(t.Context(), p.b, bookmarks.Change{Title: &title})
	must(t, err)
	p.one.sync()
	p.two.sync()
	p.one.sync()
	told("a sync", false, p.b)
	must(t, p.two.Delete(t.Context(), p.b))
	p.two.sync()
	p.one.sync()
	if c, ok := next(); !ok || !c.Sync || c.User || !slices.Contains(c.IDs, p.b) {
		t.Errorf("a deletion by a sync: %+v, %v", c, ok)
	}
	must(t, p.one.Close())
	if c, ok := next(); ok {
		t.Errorf("after Close: %+v", c)
	}
}

// TestAnEditIsWhole: all changes of a transaction are kept, or none.
func TestAnEditIsWhole(t *testing.T) {
	t.Parallel()
	d := newAccount().device(t)
	stopped := errors.New("stopped")
	edit := func(end error) error {
		return d.Edit(t.Context(), func(tx *bookmarks.Tx) error {
			folder := bookmarks.Item{Title: "Folder"}
			must(t, tx.Add(&folder))
			one := bookmarks.Item{Parent: folder.ID, URL: "https://one.example/", Title: "One"}
			must(t, tx.Add(&one))
			two := bookmarks.Item{Parent: folder.ID, URL: "https://two.example/", Title: "Two"}
			must(t, tx.Insert(&two, 0))
			must(t, tx.Move(one.ID, folder.ID, 0))
			one.Title, one.Tags = "Renamed", []string{"a"}
			must(t, tx.Update(&one))
			gone := bookmarks.Item{URL: "https://gone.example/"}
			must(t, tx.Add(&gone))
			must(t, tx.Delete(gone.ID))
			if got, err := tx.Get(one.ID); err != nil || got.Title != "Renamed" || got.Position != 0 {
				t.Errorf("got %+v, %v", got, err)
			}
			return end
		})
	}
	if err := edit(stopped); !errors.Is(err, stopped) {
		t.Fatal(err)
	}
	if n, err := d.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d items, %v; want none", n, err)
	}
	must(t, edit(nil))
	all, err := engine.Collect(d.List(t.Context()))
	var titles []string
	for _, it := range all {
		titles = append(titles, it.Title)
	}
	if want := []string{"Folder", "Renamed", "Two"}; err != nil || !slices.Equal(titles, want) {
		t.Errorf("listed %q, %v; want %q", titles, err, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

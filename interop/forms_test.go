package interop_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// syncOurs syncs our device, and fails the test unless the engine succeeded. It returns how
// many records were uploaded.
func syncOurs(t *testing.T, d *testenv.Device, name string) (sent int) {
	t.Helper()
	r := d.Sync().Engines[name]
	if r.Failed > 0 || len(r.Problems) > 0 {
		t.Fatalf("our %s: %+v", name, r)
	}
	return r.Uploaded
}

// syncTheirs makes Firefox sync, and fails the test unless the engine succeeded. It returns how
// many records were uploaded.
func syncTheirs(t *testing.T, ff *firefoxsync.Firefox, name string) (sent int) {
	t.Helper()
	r := syncFirefox(t, ff).Engines[name]
	if r.Failed+r.SendFailed > 0 {
		t.Fatalf("Firefox's %s: %+v", name, r)
	}
	return r.Sent
}

// atRest fails the test if either side still has something to send.
func atRest(t *testing.T, d *testenv.Device, ff *firefoxsync.Firefox, name string) {
	t.Helper()
	for range 2 {
		if theirs, ours := syncTheirs(t, ff, name), syncOurs(t, d, name); theirs+ours > 0 {
			t.Errorf("all was said of %s, and Firefox sent %d records, we %d", name, theirs, ours)
		}
	}
}

// TestForms goes through entries that are new, edited and deleted, in both
// directions.
func TestForms(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := firefox(t, w)
	d := w.Device("our device", ann)
	e := testenv.Open(d, func(o forms.Config) (*forms.Engine, error) { return forms.Open(t.Context(), o) })
	ours := func() map[string]engine.ID {
		t.Helper()
		all := map[string]engine.ID{}
		for r, err := range e.List(t.Context()) {
			check(t, err)
			all[r.Name+"="+r.Value] = r.ID
		}
		return all
	}
	// agree fails unless both have just these entries.
	agree := func(want ...string) {
		t.Helper()
		list, err := ff.FormEntries(t.Context())
		check(t, err)
		var theirs []string
		for _, r := range list {
			theirs = append(theirs, r.Name+"="+r.Value)
		}
		slices.Sort(want)
		if ours := slices.Sorted(maps.Keys(ours())); !slices.Equal(ours, want) || !slices.Equal(theirs, want) {
			t.Fatalf("we have %q, Firefox has %q; want %q", ours, theirs, want)
		}
	}
	add := func(name, value string) {
		t.Helper()
		_, err := e.Add(t.Context(), forms.Entry{Name: name, Value: value})
		check(t, err)
	}

	// Both begin with the same entry, and some of their own.
	add("city", "Bern")
	add("same", "both")
	for _, word := range []string{"one", "two", "three"} {
		check(t, ff.AddFormEntry(t.Context(), forms.SearchBar, word))
	}
	check(t, ff.AddFormEntry(t.Context(), "same", "both"))
	syncTheirs(t, ff, "forms")
	syncOurs(t, d, "forms")
	syncTheirs(t, ff, "forms")
	agree("city=Bern", "same=both", "searchbar-history=one", "searchbar-history=two", "searchbar-history=three")
	atRest(t, d, ff, "forms")

	// An edit and a deletion here of what Firefox made, a deletion there, another use
	// of an entry there, and the same new entry on both sides.
	_, err := e.Update(t.Context(), forms.Entry{ID: ours()["searchbar-history=one"], Name: forms.SearchBar, Value: "eins 🦊"})
	check(t, err)
	check(t, e.Delete(t.Context(), ours()["searchbar-history=two"]))
	check(t, ff.RemoveFormEntry(t.Context(), forms.SearchBar, "three"))
	check(t, ff.AddFormEntry(t.Context(), "same", "both"))
	add("new", "x")
	check(t, ff.AddFormEntry(t.Context(), "new", "x"))
	syncOurs(t, d, "forms")
	syncTheirs(t, ff, "forms")
	syncOurs(t, d, "forms")
	agree("city=Bern", "same=both", "new=x", "searchbar-history=eins 🦊")
	atRest(t, d, ff, "forms")

	// An entry that both sides had has one ID from then on.
	check(t, e.Delete(t.Context(), ours()["same=both"]))
	check(t, ff.RemoveFormEntry(t.Context(), "new", "x"))
	syncOurs(t, d, "forms")
	syncTheirs(t, ff, "forms")
	syncOurs(t, d, "forms")
	agree("city=Bern", "searchbar-history=eins 🦊")

	// Firefox stores entries of others under its own IDs, and so does not receive their
	// deletion.
	check(t, e.Delete(t.Context(), ours()["city=Bern"]))
	syncOurs(t, d, "forms")
	syncTheirs(t, ff, "forms")
	list, err := ff.FormEntries(t.Context())
	check(t, err)
	if len(list) != 2 || len(ours()) != 1 {
		t.Errorf("we have %v, Firefox has %+v; it has learnt to hear of deletions: say so in package forms", ours(), list)
	}
	atRest(t, d, ff, "forms")
}

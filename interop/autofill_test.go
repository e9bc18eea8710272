package interop_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// autofillPrefs make Firefox sync what it does not sync by default.
var autofillPrefs = map[string]any{
	"services.sync.engine.addresses": true, "services.sync.engine.addresses.available": true,
	"services.sync.engine.creditcards": true, "services.sync.engine.creditcards.available": true,
}

// filled is a collection of form autofill, ours and Firefox's. The test uses two fields of an
// entry: its name, and another one as a mark.
type filled struct {
	collection string
	name, mark string
	// entry is a new one as a form has it; marks are values for the mark.
	entry func(i int, name string) firefoxsync.Entry
	marks func(i int) any
	// ours.
	add  func(i int, name string) (engine.ID, error)
	edit func(id engine.ID, name string, mark any) error
	drop func(id engine.ID) error
	list func() ([]string, error)
}

func ourAddresses(t *testing.T, d *testenv.Device) filled {
	store := testenv.Open(d, func(o engine.StoreConfig) (*addresses.Engine, error) { return addresses.Open(t.Context(), o) })
	mark := func(i int) string { return fmt.Sprintf("mail-%d@example.org", i) }
	return filled{
		collection: "addresses", name: "name", mark: "email",
		marks: func(i int) any { return mark(i) },
		entry: func(i int, name string) firefoxsync.Entry {
			return firefoxsync.Entry{"name": name, "street-address": "1 Main St\nFloor 2", "country": "US", "tel": "(212) 555-0100", "email": mark(i)}
		},
		add: func(i int, name string) (engine.ID, error) {
			a, err := store.Add(t.Context(), addresses.Address{Entry: addresses.Entry{
				Name: name, StreetAddress: "1 Main St\nFloor 2", Country: "US", Tel: "(212) 555-0100", Email: mark(i),
			}})
			return a.ID, err
		},
		edit: func(id engine.ID, name string, mark any) error {
			a, err := store.Get(t.Context(), id)
			if err != nil {
				return err
			}
			if name != "" {
				a.Name = name
			}
			if mark != nil {
				a.Email = mark.(string)
			}
			_, err = store.Update(t.Context(), a)
			return err
		},
		drop: func(id engine.ID) error { return store.Delete(t.Context(), id) },
		list: func() (all []string, _ error) {
			for a, err := range store.List(t.Context()) {
				if err != nil {
					return nil, err
				}
				all = append(all, fmt.Sprint(a.ID, " ", a.Name, " ", a.Email, " ", a.Tel, " ", a.GivenName, "+", a.FamilyName))
			}
			return all, nil
		},
	}
}

func ourCards(t *testing.T, d *testenv.Device) filled {
	store := testenv.Open(d, func(o engine.StoreConfig) (*creditcards.Engine, error) { return creditcards.Open(t.Context(), o) })
	numbers := []string{"4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"}
	return filled{
		collection: "creditcards", name: "cc-name", mark: "cc-exp-month",
		marks: func(i int) any { return i + 1 },
		entry: func(i int, name string) firefoxsync.Entry {
			return firefoxsync.Entry{"cc-name": name, "cc-number": numbers[i], "cc-exp-month": i + 1, "cc-exp-year": 2040}
		},
		add: func(i int, name string) (engine.ID, error) {
			e := creditcards.Entry{Name: name, Number: numbers[i]}
			e.ExpMonth, e.ExpYear = i+1, 2040
			c, err := store.Add(t.Context(), creditcards.Card{Entry: e})
			return c.ID, err
		},
		edit: func(id engine.ID, name string, mark any) error {
			c, err := store.Get(t.Context(), id)
			if err != nil {
				return err
			}
			if name != "" {
				c.Name = name
			}
			if mark != nil {
				c.ExpMonth, c.ExpYear = mark.(int), 2040
			}
			_, err = store.Update(t.Context(), c)
			return err
		},
		drop: func(id engine.ID) error { return store.Delete(t.Context(), id) },
		list: func() (all []string, _ error) {
			for c, err := range store.List(t.Context()) {
				if err != nil {
					return nil, err
				}
				all = append(all, fmt.Sprint(c.ID, " ", c.Name, " ", c.ExpMonth, " ", c.Number, " ", c.Network))
			}
			return all, nil
		},
	}
}

// theirs lists Firefox's entries as list does ours.
func (f *filled) theirs(t *testing.T, ff *firefoxsync.Firefox) (all []string) {
	t.Helper()
	entries, err := ff.Entries(t.Context(), f.collection)
	check(t, err)
	for _, e := range entries {
		rest := fmt.Sprint(e["cc-number"], " ", e["cc-type"])
		if f.collection == "addresses" {
			rest = fmt.Sprint(e["tel"], " ", e["given-name"], "+", e["family-name"])
		}
		all = append(all, fmt.Sprint(e["guid"], " ", e[f.name], " ", e[f.mark], " ", rest))
	}
	return all
}

// agree fails unless both sides have the same entries, so many, one for each of the
// names and marks.
func (f *filled) agree(t *testing.T, when string, ff *firefoxsync.Firefox, want ...string) {
	t.Helper()
	ours, err := f.list()
	check(t, err)
	theirs := f.theirs(t, ff)
	slices.Sort(ours)
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) || len(ours) != len(want) {
		t.Fatalf("%s: we have %q, Firefox has %q; want %q", when, ours, theirs, want)
	}
	for _, w := range want {
		if !slices.ContainsFunc(ours, func(s string) bool { return len(s) > 13 && len(s) >= 13+len(w) && s[13:13+len(w)] == w }) {
			t.Fatalf("%s: both have %q; want %q", when, ours, want)
		}
	}
}

// rest fails unless another sync on either side sends nothing.
func (f *filled) rest(t *testing.T, when string, d *testenv.Device, ff *firefoxsync.Firefox) {
	t.Helper()
	if r := syncFirefox(t, ff).Engines[f.collection]; r.Sent != 0 || r.Applied != 0 || r.Failed != 0 {
		t.Errorf("%s: Firefox's %s do not come to rest: %+v", when, f.collection, r)
	}
	if r := d.Sync().Engines[f.collection]; r.Uploaded != 0 || r.Applied != 0 || r.Failed != 0 {
		t.Errorf("%s: our %s do not come to rest: %+v", when, f.collection, r)
	}
}

func TestAddressesAndCards(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := firefoxWith(t, w, autofillPrefs)
	d := w.Device("our device", ann)
	for _, f := range []filled{ourAddresses(t, d), ourCards(t, d)} {
		t.Run(f.collection, func(t *testing.T) { f.story(t, d, ff) })
	}
	t.Run("names are split alike", func(t *testing.T) {
		for _, name := range []string{
			"Ann", "Mr. Bob B. Bobson, Jr.", "Ludwig van Beethoven", "John Ma", "John Smith Ma", "Mr.", "van Dyke", "王小明", "欧阳修", "王 小明",
			"홍길동", "남궁민", "동방신기", "동방신", "マイケル・ジャクソン", "王 Ann", "Ann Mary Jane Example", "Dr. Ann B. van der Dyke",
		} {
			given, additional, family, err := ff.SplitName(t.Context(), name)
			check(t, err)
			if g, a, f := addresses.SplitName(name); g != given || a != additional || f != family {
				t.Errorf("%q: we make %q %q %q of it, Firefox %q %q %q", name, g, a, f, given, additional, family)
			}
		}
	})
}

func (f *filled) story(t *testing.T, d *testenv.Device, ff *firefoxsync.Firefox) {
	fire := func(i int, name string) engine.ID {
		guid, err := ff.AddEntry(t.Context(), f.collection, f.entry(i, name))
		check(t, err)
		return engine.ID(guid)
	}
	named := func(name string, i int) string { return fmt.Sprint(name, " ", f.marks(i)) }

	// Each adds one.
	theirs := fire(0, "Bob B Bobson")
	syncFirefox(t, ff)
	ours, err := f.add(1, "Ann Example")
	check(t, err)
	d.Sync()
	syncFirefox(t, ff)
	f.agree(t, "after adding", ff, named("Bob B Bobson", 0), named("Ann Example", 1))
	f.rest(t, "after adding", d, ff)

	// Each edits what the other made.
	check(t, f.edit(theirs, "Bob Bobson", nil))
	check(t, ff.EditEntry(t.Context(), f.collection, string(ours), firefoxsync.Entry{f.name: "Ann E Example"}))
	d.Sync()
	syncFirefox(t, ff)
	d.Sync()
	f.agree(t, "after edits", ff, named("Bob Bobson", 0), named("Ann E Example", 1))
	f.rest(t, "after edits", d, ff)

	// Different fields that both sides changed are merged, whichever syncs first.
	for i, first := range []func(){func() { d.Sync() }, func() { syncFirefox(t, ff) }} {
		name := fmt.Sprintf("Merged%d Bobson", i)
		check(t, f.edit(theirs, name, nil))
		check(t, ff.EditEntry(t.Context(), f.collection, string(theirs), firefoxsync.Entry{f.mark: f.marks(4 + i)}))
		first()
		syncFirefox(t, ff)
		d.Sync()
		syncFirefox(t, ff)
		f.agree(t, "after a merge", ff, named(name, 4+i), named("Ann E Example", 1))
		f.rest(t, "after a merge", d, ff)
	}

	// A conflict in one field creates a second entry, whichever syncs first, and both continue
	// to sync.
	for i, first := range []func(){func() { d.Sync() }, func() { syncFirefox(t, ff) }} {
		here, there := fmt.Sprintf("Here%d Example", i), fmt.Sprintf("There%d Example", i)
		check(t, f.edit(ours, here, nil))
		check(t, ff.EditEntry(t.Context(), f.collection, string(ours), firefoxsync.Entry{f.name: there}))
		first()
		syncFirefox(t, ff)
		d.Sync()
		syncFirefox(t, ff)
		d.Sync()
		f.agree(t, "after a fork", ff, named("Merged1 Bobson", 5), named(here, 1), named(there, 1))
		f.rest(t, "after a fork", d, ff)
		entries, err := ff.Entries(t.Context(), f.collection)
		check(t, err)
		for _, e := range entries {
			if guid := e["guid"].(string); guid != string(theirs) && guid != string(ours) {
				check(t, ff.RemoveEntry(t.Context(), f.collection, guid))
			}
		}
		syncFirefox(t, ff)
		d.Sync()
	}

	// The same entry, created on both sides, becomes one, whichever syncs first.
	for i, first := range []func(){func() { d.Sync() }, func() { syncFirefox(t, ff) }} {
		name := fmt.Sprintf("Same%d Example", i)
		fire(2+i, name)
		_, err := f.add(2+i, name)
		check(t, err)
		first()
		syncFirefox(t, ff)
		d.Sync()
		syncFirefox(t, ff)
		ours, err := f.list()
		check(t, err)
		if len(ours) != 3+i {
			t.Fatalf("the same on both sides: we have %q", ours)
		}
		f.rest(t, "the same on both sides", d, ff)
		if theirs := f.theirs(t, ff); len(theirs) != 3+i {
			t.Fatalf("the same on both sides: Firefox has %q", theirs)
		}
	}

	// Each deletes what the other made.
	check(t, f.drop(theirs))
	check(t, ff.RemoveEntry(t.Context(), f.collection, string(ours)))
	d.Sync()
	syncFirefox(t, ff)
	d.Sync()
	f.agree(t, "after deletions", ff, named("Same0 Example", 2), named("Same1 Example", 3))
	f.rest(t, "after deletions", d, ff)
}

package collection_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
)

// task is a record of an app whose first version knows the states "open" and "done", and
// whose second has one more, and a due date in another form.
type task struct {
	ID    collection.ID `json:"id"`
	Title string        `json:"title"`
	State string        `json:"state"`
	Due   string        `json:"due,omitempty"`
}

type laterTask struct {
	ID    collection.ID `json:"id"`
	Title string        `json:"title"`
	State string        `json:"state"`
	Due   []int         `json:"due,omitempty"`
}

func states(known ...string) func(task) error {
	return func(t task) error {
		if !slices.Contains(known, t.State) {
			return &engine.FieldError{Field: "state", Reason: errors.New("this version does not know its state")}
		}
		return nil
	}
}

// openAt opens a collection in a file, as another version of the app or again.
func openAt[R any](t *testing.T, c *cloud, path string, o collection.Options[R]) *collection.Engine[R] {
	t.Helper()
	o.Path, o.Now = path, c.now
	e, err := collection.Open(t.Context(), "test-tasks", o)
	check(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// unreadable is what a device cannot read.
func unreadable[R any](t *testing.T, e *collection.Engine[R]) (all []string) {
	t.Helper()
	for u, err := range e.Unreadable(t.Context()) {
		check(t, err)
		all = append(all, fmt.Sprintf("%s %s: %v, outdated %v, held %v", u.ID, u.Field, u.Err, u.Outdated, u.Held))
	}
	return all
}

func wantUnreadable[R any](t *testing.T, when string, e *collection.Engine[R], want ...string) {
	t.Helper()
	if got := unreadable(t, e); !slices.Equal(got, want) {
		t.Errorf("%s: unreadable are %q, want %q", when, got, want)
	}
}

// An old version of the app sends nothing over what a later one wrote, and merges when it
// is updated: without a download, as the record is here.
func TestAnOldVersionNeverOverwritesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, key := range map[string][32]byte{"plain": {}, "encrypted": {1}} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			sync := func(e engine.Engine) engine.Merged {
				t.Helper()
				m, err := c.sync(e, engine.Start{})
				check(t, err)
				return m
			}
			path := filepath.Join(t.TempDir(), "old.db")
			old := openAt(t, c, path, collection.Options[task]{Key: key, Valid: states("open", "done")})
			later := openAt(t, c, filepath.Join(t.TempDir(), "later.db"), collection.Options[task]{Valid: states("open", "done", "waiting")})
			for _, id := range []collection.ID{"edited", "deleted", "untouched"} {
				add(t, later, task{ID: id, Title: "x", State: "open"})
			}
			sync(later)
			sync(old)
			for _, id := range []collection.ID{"edited", "deleted", "new", "untouched"} {
				_, err := later.Put(t.Context(), task{ID: id, Title: "x", State: "waiting"})
				check(t, err)
			}
			sync(later)
			if m := sync(old); m.Failed != 4 || m.NewFailed != 4 {
				t.Errorf("the old version merged %+v, want four failed", m)
			}
			edit(t, old, "edited", func(x *task) { x.Title = "edited" })
			check(t, old.Delete(t.Context(), "deleted"))
			const why = "this version does not know its state"
			for _, when := range []string{"at once", "later", "in a new process"} {
				if m := sync(old); m.Outgoing != 0 || m.Failed != 0 {
					t.Errorf("%s: the old version sends %d records; %+v", when, m.Outgoing, m)
				}
				wantUnreadable(t, when, old,
					"deleted state: "+why+", outdated false, held true",
					"edited state: "+why+", outdated true, held true",
					"new state: "+why+", outdated false, held false",
					"untouched state: "+why+", outdated true, held false")
				if n, err := old.Changes(t.Context()); n != 0 || err != nil {
					t.Errorf("%s: %d changes are said to go up, %v", when, n, err)
				}
				check(t, old.Close())
				old = openAt(t, c, path, collection.Options[task]{Key: key, Valid: states("open", "done")})
			}
			if x, err := old.Get(t.Context(), "untouched"); err != nil || x.State != "open" {
				t.Errorf("the old version shows %+v, %v", x, err)
			}

			check(t, old.Close())
			old = openAt(t, c, path, collection.Options[task]{Key: key, Valid: states("open", "done", "waiting")})
			sync(old)
			wantUnreadable(t, "when updated", old)
			sync(later)
			for name, e := range map[string]*collection.Engine[task]{"the updated": old, "the later": later} {
				for id, want := range map[collection.ID]string{"edited": "edited waiting", "deleted": "x waiting", "new": "x waiting", "untouched": "x waiting"} {
					if x, err := e.Get(t.Context(), id); err != nil || x.Title+" "+x.State != want {
						t.Errorf("%s version has %+v as %s, %v; want %s", name, x, id, err, want)
					}
				}
			}
			if m := sync(old); m.Outgoing != 0 {
				t.Errorf("%d records go up once more", m.Outgoing)
			}
		})
	}
}

// A field of another type is named, and what another device makes of the record meanwhile
// takes the place of what could not be read.
func TestWhatComesLaterTakesThePlaceOfWhatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	c := newCloud()
	sync := func(e engine.Engine) {
		t.Helper()
		_, err := c.sync(e, engine.Start{})
		check(t, err)
	}
	old := openAt(t, c, filepath.Join(t.TempDir(), "old.db"), collection.Options[task]{})
	later := openAt(t, c, filepath.Join(t.TempDir(), "later.db"), collection.Options[laterTask]{})
	for _, id := range []collection.ID{"a", "b"} {
		add(t, later, laterTask{ID: id, Title: "x", Due: []int{2026, 1, 1}})
	}
	sync(later)
	sync(old)
	const why = "its due is not what it should be"
	wantUnreadable(t, "at first", old, "a due: "+why+", outdated false, held false", "b due: "+why+", outdated false, held false")
	// The user adds a record under one of the IDs: it waits.
	add(t, old, task{ID: "a", Title: "mine"})
	sync(old)
	wantUnreadable(t, "with an own one", old, "a due: "+why+", outdated true, held true", "b due: "+why+", outdated false, held false")
	edit(t, later, "a", func(x *laterTask) { x.Due = nil })
	check(t, later.Delete(t.Context(), "b"))
	sync(later)
	sync(old)
	wantUnreadable(t, "in the end", old)
	sync(later)
	if x, err := later.Get(t.Context(), "a"); err != nil || x.Title != "x" && x.Title != "mine" {
		t.Errorf("there is %+v, %v", x, err)
	}
}

// An old version's edit of an element of a list keeps what a later one wrote of it, and
// that of an object within likewise.
func TestAnOldVersionKeepsUnknownFieldsWithin(t *testing.T) {
	t.Parallel()
	type oldItem struct {
		Name string `json:"name"`
	}
	type item struct {
		Name  string `json:"name"`
		Price int    `json:"price"`
	}
	type old struct {
		ID    collection.ID      `json:"id"`
		Items []oldItem          `json:"items"`
		Rooms map[string]oldItem `json:"rooms"`
		Main  *oldItem           `json:"main"`
	}
	type later struct {
		ID    collection.ID   `json:"id"`
		Items []item          `json:"items"`
		Rooms map[string]item `json:"rooms"`
		Main  *item           `json:"main"`
	}
	c := newCloud()
	a := openAt(t, c, filepath.Join(t.TempDir(), "old.db"), collection.Options[old]{})
	b := openAt(t, c, filepath.Join(t.TempDir(), "later.db"), collection.Options[later]{})
	add(t, b, later{ID: "x", Items: []item{{"pen", 1}, {"ink", 2}}, Rooms: map[string]item{"a": {"hall", 3}, "b": {"attic", 4}}, Main: &item{"desk", 5}})
	sync := func() {
		t.Helper()
		for _, e := range []engine.Engine{b, a, b} {
			_, err := c.sync(e, engine.Start{})
			check(t, err)
		}
	}
	sync()
	edit(t, a, "x", func(r *old) {
		r.Items = []oldItem{{"paper"}, {"pen"}, {"red ink"}}
		r.Rooms = map[string]oldItem{"a": {"great hall"}}
		r.Main.Name = "table"
	})
	sync()
	got, err := b.Get(t.Context(), "x")
	check(t, err)
	want := later{ID: "x", Items: []item{{"paper", 0}, {"pen", 1}, {"red ink", 2}}, Rooms: map[string]item{"a": {"great hall", 3}}, Main: &item{"table", 5}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("there is %+v, want %+v", got, want)
	}
}

package testenv_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server/backup"
)

// whole is a device with all engines of the flat kind, bookmarks and history.
func whole(w *testenv.Env, name string) *flat { return flatOn(w.Browser(name, ann)) }

// items returns what the user sees: a line for each item.
func (f *flat) items() []string {
	t, ctx := f.Env.T, f.Env.T.Context()
	t.Helper()
	var all []string
	for what, pass := range f.Logins() {
		all = append(all, "login "+what+" "+pass)
	}
	for a, err := range f.addresses.List(ctx) {
		must(t, err)
		all = append(all, "address "+a.Name+" of "+a.Organization)
	}
	for n, err := range f.notes.List(ctx) {
		must(t, err)
		all = append(all, "note "+n.Title)
	}
	for e, err := range f.forms.List(ctx) {
		must(t, err)
		all = append(all, "form "+e.Name+" "+e.Value)
	}
	for c, err := range f.cards.List(ctx) {
		must(t, err)
		all = append(all, "card "+c.Name)
	}
	for _, b := range f.children() {
		all = append(all, fmt.Sprint("bookmark ", b.Position, " ", b.Title))
	}
	for p, err := range f.History.List(ctx) {
		must(t, err)
		all = append(all, fmt.Sprint("page ", p.URL, " ", p.Title))
	}
	slices.Sort(all)
	return all
}

func (f *flat) children() []bookmarks.Item {
	items, err := f.Bookmarks.Children(f.Env.T.Context(), bookmarks.Menu)
	must(f.Env.T, err)
	return items
}

// add gives the device something new in each store, named after a word.
func (f *flat) add(word string) {
	t, ctx := f.Env.T, f.Env.T.Context()
	t.Helper()
	f.Add("https://"+word+".example", "ann", "secret")
	_, err := f.addresses.Add(ctx, addresses.Address{Entry: addresses.Entry{Name: word, Email: word + "@example.org"}})
	must(t, err)
	_, err = f.notes.Add(ctx, note{Title: word})
	must(t, err)
	_, err = f.Bookmarks.Insert(ctx, bookmarks.Item{Kind: bookmarks.Bookmark, Parent: bookmarks.Menu, Title: word, URL: "https://" + word + ".example/"}, bookmarks.End)
	must(t, err)
	_, err = f.History.AddVisit(ctx, "https://"+word+".example/", word, history.Visit{At: f.Env.Clock.Now()})
	must(t, err)
}

// agree syncs the devices in this order until nothing changes, and fails unless all then have
// the same.
func agree(t *testing.T, devices ...*flat) []string {
	t.Helper()
	for range 3 {
		for _, d := range devices {
			d.Env.Clock.Pass(time.Second)
			d.Sync()
		}
	}
	all := devices[0].items()
	for _, d := range devices {
		if !slices.Equal(d.items(), all) {
			t.Errorf("%s has\n%v\nand %s\n%v", d.Name, d.items(), devices[0].Name, all)
		}
		if r := d.Sync(); r.Requests != 1 {
			t.Errorf("%s asks %d times at rest", d.Name, r.Requests)
		}
	}
	return all
}

// restore puts the server back to its state of the backup.
func restore(t *testing.T, w *testenv.Env, file string) {
	t.Helper()
	w.Restart(func() {
		must(t, os.RemoveAll(w.Dir))
		must(t, backup.Restore(t.Context(), file, w.Dir, rand.Reader, w.Clock.Now()))
	})
}

// After the restore of a backup it does not matter which device syncs first: what each device
// uploaded since comes back, and the newer of two passwords wins.
func TestARestoredServerIsANewPast(t *testing.T) {
	pgtest.OnFiles(t)
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			t.Parallel()
			w := testenv.New(t)
			devices := []*flat{whole(w, "a"), whole(w, "b"), whole(w, "c")}
			a, b := devices[0], devices[1]
			a.fill()
			a.add("before")
			agree(t, devices...)
			file := filepath.Join(t.TempDir(), "backup.tar")
			_, err := backup.Write(t.Context(), backup.Source{Dir: w.Dir, Now: w.Clock.Now}, file)
			must(t, err)

			// Devices a and b receive each other's changes; c is offline. Then each uploads
			// more that no other has seen.
			for l, err := range a.Passwords.List(t.Context()) {
				must(t, err)
				l.Password = "newer"
				_, err := a.Passwords.Update(t.Context(), l)
				must(t, err)
			}
			for p, err := range a.History.List(t.Context()) {
				must(t, err)
				p.Title = "retitled"
				_, err := a.History.Update(t.Context(), p)
				must(t, err)
			}
			agree(t, a, b)
			a.add("from-a")
			w.Clock.Pass(time.Minute)
			a.Sync()
			b.add("from-b")
			w.Clock.Pass(time.Minute)
			// Device b uploads its record from before, whatever it received from a.
			_, err = b.Manager.Sync(t.Context(), syncmanager.Options{})
			must(t, err)
			want := b.items()
			w.Clock.Pass(time.Hour)

			restore(t, w, file)
			var ordered []*flat
			for _, i := range order {
				ordered = append(ordered, devices[i])
			}
			if got := agree(t, ordered...); !slices.Equal(got, want) {
				t.Errorf("after the restore all have\n%v\nwant\n%v", got, want)
			}
			// The backup is restored again, with another state.
			restore(t, w, file)
			if got := agree(t, ordered...); !slices.Equal(got, want) {
				t.Errorf("after the second restore all have\n%v\nwant\n%v", got, want)
			}
		})
	}
}

// Whole collections were deleted on the server.
func TestAWipedCollectionIsFilledAgain(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := whole(w, "a"), whole(w, "b")
	a.fill()
	a.add("one")
	want := agree(t, a, b)
	collections, err := a.Manager.Records().Collections(t.Context())
	must(t, err)
	for _, c := range collections {
		if !slices.Contains([]string{"meta", "crypto"}, c.Name) {
			must(t, a.Manager.Records().DeleteCollection(t.Context(), c.Name))
		}
	}
	if got := agree(t, b, a); !slices.Equal(got, want) {
		t.Errorf("all have\n%v\nwant\n%v", got, want)
	}
	filled, err := a.Manager.Records().Collections(t.Context())
	must(t, err)
	if names := func(list []syncmanager.Collection) (all []string) {
		for _, c := range list {
			all = append(all, c.Name)
		}
		return all
	}; !slices.Equal(names(filled), names(collections)) {
		t.Errorf("the server has %v, want %v", names(filled), names(collections))
	}
}

// After a sign-out, a sign-in to the same account continues where it was.
func TestSignedInAgainItGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := whole(w, "a"), whole(w, "b")
	a.fill()
	a.add("kept")
	a.add("gone")
	agree(t, a, b)
	a.add("unsent")
	must(t, a.Manager.SignOut(t.Context()))

	for addr, err := range b.addresses.List(t.Context()) {
		must(t, err)
		if addr.Name == "gone" {
			must(t, b.addresses.Delete(t.Context(), addr.ID))
			continue
		}
		addr.Organization = "edited elsewhere"
		_, err := b.addresses.Update(t.Context(), addr)
		must(t, err)
	}
	for l, err := range b.Passwords.List(t.Context()) {
		must(t, err)
		if l.Hostname == "https://gone.example" {
			must(t, b.Passwords.Delete(t.Context(), l.ID))
		}
	}
	for n, err := range b.notes.List(t.Context()) {
		must(t, err)
		if n.Title == "gone" {
			must(t, b.notes.Delete(t.Context(), n.ID))
		}
	}
	for _, item := range b.children() {
		if item.Title == "gone" {
			must(t, b.Bookmarks.Delete(t.Context(), item.ID))
		}
	}
	_, err := b.History.DeleteURL(t.Context(), "https://gone.example/")
	must(t, err)
	b.Sync()
	want := map[string]bool{}
	for _, line := range b.items() {
		want[line] = true
	}

	a.Account = w.SignIn(ann)
	must(t, a.Account.RegisterDevice(t.Context(), "a", "desktop"))
	must(t, a.Manager.SignIn(t.Context(), a.Account))
	a.add("later")
	got := agree(t, a, b)
	for _, line := range got {
		if !want[line] && !strings.Contains(line, "unsent") && !strings.Contains(line, "later") {
			t.Errorf("%q is there, and nobody made it", line)
		}
		delete(want, line)
	}
	if len(want) > 0 {
		t.Errorf("lost: %v", slices.Collect(maps.Keys(want)))
	}
}

// The account's storage is set up afresh by another device: what was not uploaded from here
// survives.
func TestAFreshStartKeepsWhatIsUnsent(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := whole(w, "a"), whole(w, "b")
	a.fill()
	a.add("synced")
	agree(t, a, b)
	a.add("unsent")
	for addr, err := range a.addresses.List(t.Context()) {
		must(t, err)
		addr.Organization = "unsent too"
		_, err := a.addresses.Update(t.Context(), addr)
		must(t, err)
	}
	want := a.items()
	must(t, b.Manager.Records().DeleteCollection(t.Context(), "meta"))
	if got := agree(t, b, a); !slices.Equal(got, want) {
		t.Errorf("all have\n%v\nwant\n%v", got, want)
	}
}

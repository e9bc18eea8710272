package testenv_test

import (
	"context"
	"encoding/json"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/engines/prefs"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

const ann = "ann@example.org"

type note struct {
	ID    collection.ID `json:"id"`
	Title string        `json:"title"`
	Tags  []string      `json:"tags" sync:"set"`
}

const notes = "test-notes"

// flat is a device with all flat engines.
type flat struct {
	*testenv.Device
	addons    *addons.Engine
	addresses *addresses.Engine
	cards     *creditcards.Engine
	forms     *forms.Engine
	prefs     *prefs.Engine
	storage   *extstorage.Engine
	notes     *collection.Engine[note]
}

func newFlat(w *testenv.Env, name string) *flat { return flatOn(w.Device(name, ann)) }

func flatOn(d *testenv.Device) *flat {
	ctx := d.Env.T.Context()
	return &flat{
		Device: d,
		addons: testenv.Open(d, func(o engine.StoreConfig) (*addons.Engine, error) { return addons.Open(ctx, o) }),
		addresses: testenv.Open(d, func(o engine.StoreConfig) (*addresses.Engine, error) {
			return addresses.Open(ctx, o)
		}),
		cards:   testenv.Open(d, func(o engine.StoreConfig) (*creditcards.Engine, error) { return creditcards.Open(ctx, o) }),
		forms:   testenv.Open(d, func(o engine.StoreConfig) (*forms.Engine, error) { return forms.Open(ctx, o) }),
		prefs:   testenv.Open(d, func(o engine.StoreConfig) (*prefs.Engine, error) { return prefs.Open(ctx, o) }),
		storage: testenv.Open(d, func(o engine.StoreConfig) (*extstorage.Engine, error) { return extstorage.Open(ctx, o) }),
		notes: testenv.Open(d, func(o engine.StoreConfig) (*collection.Engine[note], error) {
			return collection.Open(ctx, notes, collection.Options[note]{Path: o.Path, Key: o.Key, Now: o.Now, Rand: o.Rand, OnConflict: collection.KeepBoth})
		}),
	}
}

// fill gives each store an item, and returns the collections' names.
func (f *flat) fill() []string {
	t, ctx := f.Env.T, f.Env.T.Context()
	t.Helper()
	f.Add("https://a.example", "ann", "secret")
	must(t, f.Tabs.OpenTab(ctx, "https://tab.example/", "Tab"))
	_, err := f.addons.Add(ctx, addons.Addon{AddonID: "a@example", ApplicationID: prefs.Firefox, Enabled: true, Source: addons.FromMozilla})
	must(t, err)
	_, err = f.addresses.Add(ctx, addresses.Address{Entry: addresses.Entry{Name: "Ann Ash", Email: ann}})
	must(t, err)
	_, err = f.cards.Add(ctx, creditcards.Card{Entry: creditcards.Entry{Name: "Ann Ash", Number: "4111111111111111"}})
	must(t, err)
	_, err = f.forms.Add(ctx, forms.Entry{Name: "email", Value: ann})
	must(t, err)
	_, err = f.prefs.Of(prefs.Firefox).Add(ctx, prefs.Pref{Name: "a.b", Value: json.RawMessage("true")})
	must(t, err)
	_, err = f.storage.Of("a@example").Set(ctx, map[string]json.RawMessage{"k": json.RawMessage("1")})
	must(t, err)
	_, err = f.notes.Add(ctx, note{Title: "n", Tags: []string{"base"}})
	must(t, err)
	return []string{"passwords", "tabs", "addons", "addresses", "creditcards", "forms", "prefs", "extension-storage", notes}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// first returns the first record that the server has of a collection.
func (f *flat) first(name string) syncmanager.Record {
	f.Env.T.Helper()
	for r, err := range f.Manager.Records().List(f.Env.T.Context(), name, false) {
		must(f.Env.T, err)
		return r
	}
	f.Env.T.Fatalf("the server has no %s", name)
	return syncmanager.Record{}
}

// One record of each collection is damaged on the server. The device that has a good copy sends
// it once; then nothing more is sent. A record that can be opened and not understood stays.
func TestADamagedRecordMakesNoDeviceRestless(t *testing.T) {
	for what, damage := range map[string]func(*syncmanager.Record){
		"sealed with a wrong key": func(r *syncmanager.Record) {
			r.Cleartext, r.Sealed = nil, `{"ciphertext":"AAAAAAAAAAAAAAAAAAAAAA==","IV":"AAAAAAAAAAAAAAAAAAAAAA==","hmac":"`+
				`0000000000000000000000000000000000000000000000000000000000000000"}`
		},
		"no JSON":               func(r *syncmanager.Record) { r.Cleartext, r.Sealed = nil, "oops" },
		"sealed, but no record": func(r *syncmanager.Record) { r.Cleartext = []byte(`{"x":[]}`) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := testenv.New(t)
			a := newFlat(w, "a")
			names := a.fill()
			a.Sync()
			b, c := newFlat(w, "b"), newFlat(w, "c")
			for _, d := range []*flat{b, c, a} {
				d.Sync()
			}
			for _, name := range names {
				r := a.first(name)
				damage(&r)
				_, err := a.Manager.Records().Put(t.Context(), name, r, r.Modified)
				must(t, err)
			}
			sent := map[string]int{}
			last := map[string]int{}
			for round := range 6 {
				for _, d := range []*flat{c, b, a} {
					r, err := d.Manager.Sync(t.Context(), syncmanager.Options{})
					must(t, err)
					for name, e := range r.Engines {
						sent[name] += e.Uploaded
						if e.Uploaded > 0 {
							last[name] = round
						}
					}
					if round >= 4 && r.Requests != 1 {
						t.Errorf("round %d: %s asks %d times; want once", round, d.Name, r.Requests)
					}
				}
			}
			for _, name := range names {
				want := 1
				if what == "sealed, but no record" && name != "tabs" { // a device's tabs are its own
					want = 0 // a newer version may read it: it stays, and what is here waits
				}
				if sent[name] != want || last[name] > 1 {
					t.Errorf("%s: the good copy went up %d times, last in round %d; want %d, at once", name, sent[name], last[name], want)
				}
				if r := a.first(name); want == 1 && (r.Err != nil || len(r.Cleartext) < 20) {
					t.Errorf("%s: the server has %s, %v; want the good copy", name, r.Cleartext, r.Err)
				}
			}
		})
	}
}

// Engines that fork or merge with a base continue where they were, whether or not their sync
// state was kept: nothing is duplicated, and what was deleted elsewhere stays deleted.
func TestAResetGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a := newFlat(w, "a")
	a.fill()
	gone, err := a.addresses.Add(t.Context(), addresses.Address{Entry: addresses.Entry{Name: "Bob", Email: "bob@example.org"}})
	must(t, err)
	a.Sync()
	b := newFlat(w, "b")
	b.Sync()
	must(t, a.Manager.Reset(t.Context()))

	// Meanwhile b edits and deletes.
	for addr, err := range b.addresses.List(t.Context()) {
		must(t, err)
		if addr.ID != gone.ID {
			addr.Organization = "Ash & Co"
			_, err := b.addresses.Update(t.Context(), addr)
			must(t, err)
		}
	}
	must(t, b.addresses.Delete(t.Context(), gone.ID))
	for n, err := range b.notes.List(t.Context()) {
		must(t, err)
		n.Title = "edited"
		_, err = b.notes.Update(t.Context(), n)
		must(t, err)
	}
	for l, err := range b.Passwords.List(t.Context()) {
		must(t, err)
		must(t, b.Passwords.Delete(t.Context(), l.ID))
	}
	_, err = b.storage.Of("a@example").Clear(t.Context())
	must(t, err)
	b.Sync()
	for range 3 {
		a.Sync()
		b.Sync()
	}
	for _, d := range []*flat{a, b} {
		for name, c := range map[string]engine.Counter{"addresses": d.addresses, "notes": counter{d.notes}, "passwords": d.Passwords, "storage": d.storage} {
			want := 1
			if name == "passwords" || name == "storage" {
				want = 0
			}
			if n, err := c.Count(t.Context()); err != nil || n != want {
				t.Errorf("%s has %d %s, %v; want %d", d.Name, n, name, err, want)
			}
		}
	}
	if r := a.Sync(); r.Requests != 1 {
		t.Errorf("at rest a sync makes %d requests", r.Requests)
	}
}

type counter struct{ *collection.Engine[note] }

func (c counter) Count(ctx context.Context) (int, error) { return c.Engine.Count(ctx) }

// Tags that two devices edit at once are merged as a set.
func TestTagsOfTwoDevicesAreBothKept(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := newFlat(w, "a"), newFlat(w, "b")
	a.fill()
	a.Sync()
	b.Sync()
	tag := func(d *flat, tags ...string) {
		for n, err := range d.notes.List(t.Context()) {
			must(t, err)
			n.Tags = tags
			_, err = d.notes.Update(t.Context(), n)
			must(t, err)
		}
	}
	tag(a, "base", "fromA")
	tag(b, "fromB")
	for range 2 {
		a.Sync()
		b.Sync()
	}
	for _, d := range []*flat{a, b} {
		var all []note
		for n, err := range d.notes.List(t.Context()) {
			must(t, err)
			all = append(all, n)
		}
		if len(all) != 1 || len(all[0].Tags) != 2 || all[0].Tags[0] != "fromA" || all[0].Tags[1] != "fromB" {
			t.Errorf("%s has %+v; want one note with fromA and fromB", d.Name, all)
		}
	}
}

// After a sign-out, a sign-in to the same account continues where it was.
func TestSigningInAgainGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a := newFlat(w, "a")
	a.fill()
	gone := a.Add("https://gone.example", "ann", "p")
	a.Sync()
	b := newFlat(w, "b")
	b.Sync()
	a.Sync()

	must(t, a.Manager.SignOut(t.Context()))
	edit := func(f *flat, change func(*addresses.Address)) {
		for addr, err := range f.addresses.List(t.Context()) {
			must(t, err)
			change(&addr)
			_, err = f.addresses.Update(t.Context(), addr)
			must(t, err)
		}
	}
	edit(a, func(a *addresses.Address) { a.Tel = "+15551234567" }) // while it is signed out
	edit(b, func(a *addresses.Address) { a.Organization = "Ash & Co" })
	must(t, b.Passwords.Delete(t.Context(), gone.ID))
	b.Sync()

	a.Account = w.SignIn(ann)
	must(t, a.Account.RegisterDevice(t.Context(), "a", "desktop"))
	a.Restart()
	for _, e := range []engine.Engine{a.addons, a.addresses, a.cards, a.forms, a.prefs, a.storage, a.notes} {
		must(t, a.Manager.Register(e))
	}
	r := a.Sync()
	if got := r.Engines["forms"]; got.Downloaded != 0 || got.Uploaded != 0 {
		t.Errorf("forms, where nothing changed: %+v; want nothing to do", got)
	}
	b.Sync()
	for _, d := range []*flat{a, b} {
		var all []addresses.Address
		for addr, err := range d.addresses.List(t.Context()) {
			must(t, err)
			all = append(all, addr)
		}
		if len(all) != 1 || all[0].Tel != "+15551234567" || all[0].Organization != "Ash & Co" {
			t.Errorf("%s has %+v; want one address with both edits", d.Name, all)
		}
		if got := d.Logins(); len(got) != 1 {
			t.Errorf("%s has %v; want what was deleted to stay so", d.Name, got)
		}
	}
	a.Sync()
	if r := a.Sync(); r.Requests != 1 {
		t.Errorf("at rest a sync makes %d requests", r.Requests)
	}
}

package sync15_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/seal"
	"github.com/syncmanager/syncmanager/sync15"
)

// rewriteGlobal changes meta/global on the server as another client would.
func (d *device) rewriteGlobal(change func(map[string]any)) {
	d.w.t.Helper()
	text, _ := json.Marshal(d.state.Inner().Global)
	var g map[string]any
	_ = json.Unmarshal(text, &g)
	change(g)
	text, _ = json.Marshal(g)
	d.put("meta", "global", string(text))
}

// writes counts the requests of the last sync that change something.
func (w *env) writes() (n int) {
	for _, r := range w.asked {
		if !strings.HasPrefix(r, "GET ") {
			n++
		}
	}
	return n
}

func TestAFreshStorageListsAllOfFirefoxsEngines(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.choice = map[string]bool{"history": false, "forms": false}
	a.mustSync()
	g := a.state.Inner().Global
	if g.StorageVersion != 5 || g.SyncID == "" || !slices.Equal(g.Declined, []string{"forms", "history"}) {
		t.Errorf("meta/global is %+v", g)
	}
	for _, name := range []string{"clients", "prefs", "passwords", "tabs", "bookmarks", "addons", "addresses", "creditcards", "extension-storage", "notes"} {
		if e := g.Engines[name]; e.SyncID == "" || e.Version == 0 {
			t.Errorf("%s is %+v", name, e)
		}
	}
	if _, listed := g.Engines["history"]; listed {
		t.Error("a declined engine is listed")
	}
}

// TestWhatStartsAStorageAfresh covers what starts a storage afresh and what must not.
func TestWhatStartsAStorageAfresh(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(a *device)
		fresh  bool
		check  func(error) bool
	}{
		"an older storage version": {func(a *device) { a.rewriteGlobal(func(g map[string]any) { g["storageVersion"] = 4 }) }, true, nil},
		"no sync ID":               {func(a *device) { a.rewriteGlobal(func(g map[string]any) { delete(g, "syncID") }) }, true, nil},
		"a sync ID that is none":   {func(a *device) { a.rewriteGlobal(func(g map[string]any) { g["syncID"] = 7 }) }, true, nil},
		"no meta/global":           {func(a *device) { a.w.before = onceFor("/storage/meta/global", answer(404, "application/json", "0")) }, true, nil},
		"no crypto/keys":           {func(a *device) { a.w.before = onceFor("/storage/crypto/keys", answer(404, "application/json", "0")) }, true, nil},
		"a newer storage version": {func(a *device) { a.rewriteGlobal(func(g map[string]any) { g["storageVersion"] = 6 }) }, false,
			func(err error) bool { return errors.As(err, new(*sync15.VersionError)) }},
		"meta/global that is no JSON": {func(a *device) { a.put("meta", "global", "<html>") }, false,
			func(err error) bool { return errors.Is(err, sync15.ErrGlobal) }},
		"keys of another account": {func(a *device) {
			other, _ := seal.RandomBundle(rand.Reader)
			k, _ := seal.NewKeys(rand.Reader)
			p, _ := seal.SealKeys(k, other, rand.Reader)
			a.put("crypto", "keys", string(p))
		}, false, func(err error) bool { return errors.Is(err, sync15.ErrKeys) }},
		"truncated keys": {func(a *device) { a.put("crypto", "keys", `{"ciphertext":"AAA`) }, false,
			func(err error) bool { return errors.Is(err, sync15.ErrKeys) }},
		"a 500 for meta/global": {func(a *device) { a.w.before = onceFor("/storage/meta/global", answer(500, "application/json", "0")) }, false,
			func(err error) bool { return errors.As(err, new(*sync15.ServerError)) }},
		"a 500 for crypto/keys": {func(a *device) { a.w.before = onceFor("/storage/crypto/keys", answer(503, "application/json", "0")) }, false,
			func(err error) bool { return errors.As(err, new(*sync15.ServerError)) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			a, b := w.device("a"), w.device("b")
			a.shelf.put("note-1", "hello")
			a.mustSync()
			before := a.state.Inner().Global.SyncID
			c.damage(a)
			_, err := b.sync(t.Context())
			w.before = nil
			if !c.fresh {
				if !c.check(err) || w.writes() != 0 {
					t.Errorf("%v, after the requests %v", err, w.asked)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b.state.Inner().Global.SyncID == before {
				t.Error("the storage was not started afresh")
			}
			// Device a still has all of it, and restores it.
			a.mustSync()
			b.mustSync()
			if b.shelf.content()["note-1"] != "hello" {
				t.Errorf("b has %v", b.shelf.content())
			}
		})
	}
}

func onceFor(path string, resp *http.Response) func(*http.Request) *http.Response {
	done := false
	return func(r *http.Request) *http.Response {
		if done || !isGet(r, path) {
			return nil
		}
		done = true
		return resp
	}
}

func TestTwoFreshStartsInOneSyncAreARace(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	w.before = func(r *http.Request) *http.Response {
		if isGet(r, "/storage/crypto/keys") {
			return answer(404, "application/json", "0")
		}
		return nil
	}
	if _, err := a.sync(t.Context()); !errors.Is(err, sync15.ErrRace) {
		t.Errorf("the sync ended with %v", err)
	}
}

func TestForeignAndMissingEngines(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]any{
		"of a wrong type": 3, "without a version": map[string]any{"syncID": "x"}, "without a sync ID": map[string]any{"version": 1},
		"with a version below all": map[string]any{"version": -1, "syncID": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			a, b := w.device("a"), w.device("b")
			a.shelf.put("note-1", "hello")
			a.mustSync()
			a.rewriteGlobal(func(g map[string]any) {
				g["engines"] = map[string]any{"martians": map[string]any{"version": 9, "syncID": "mmm", "extra": true}, "odd": "text", "notes": entry}
				g["future"] = "kept"
				g["declined"] = []string{"lunarians"}
			})
			b.mustSync()
			if b.shelf.content()["note-1"] != "hello" {
				t.Errorf("b has %v: an entry that says nothing must not cost a record", b.shelf.content())
			}
			text, _ := json.Marshal(b.state.Inner().Global)
			for _, want := range []string{`"martians":{"extra":true,"syncID":"mmm","version":9}`, `"odd":"text"`, `"future":"kept"`, `"lunarians"`} {
				if !strings.Contains(string(text), want) {
					t.Errorf("meta/global is %s; %s is lost", text, want)
				}
			}
			a.mustSync()
			b.mustSync()
			w.expect("GET info/collections")
		})
	}
}

func TestEngineVersions(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	b.mustSync()

	a.shelf.version = 2
	a.mustSync()
	if !slices.Contains(w.asked, "DELETE storage/notes") {
		t.Errorf("the records of the older version were left: %v", w.asked)
	}
	if a.state.Inner().Global.Engines["notes"].Version != 2 || a.shelf.content()["note-1"] != "hello" {
		t.Errorf("meta/global has %+v", a.state.Inner().Global.Engines["notes"])
	}
	b.mustSync()
	if !slices.Equal(b.run.Newer, []string{"notes"}) || b.shelf.content()["note-1"] != "hello" {
		t.Errorf("newer: %v", b.run.Newer)
	}
	if w.writes() != 0 {
		t.Errorf("the older program wrote: %v", w.asked)
	}
}

func TestDecliningHereDeclinesThere(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	b.mustSync()
	a.choice = map[string]bool{"notes": false}
	a.mustSync()
	if !slices.Contains(w.asked, "DELETE storage/notes") {
		t.Errorf("the collection was left on the server: %v", w.asked)
	}
	resets := b.shelf.resets
	b.mustSync()
	if !slices.Equal(b.run.Declined, []string{"notes"}) || b.shelf.resets != resets+1 || len(b.shelf.content()) != 1 {
		t.Errorf("b: declined %v, %d resets, content %v", b.run.Declined, b.shelf.resets-resets, b.shelf.content())
	}
	a.mustSync()
	w.expect("GET info/collections")

	b.choice = map[string]bool{"notes": true}
	b.shelf.put("note-2", "written while declined")
	b.mustSync()
	a.mustSync()
	if len(a.shelf.content()) != 2 || len(a.run.Declined) != 0 {
		t.Errorf("a: %v, declined %v", a.shelf.content(), a.run.Declined)
	}
}

func TestAChoiceMeetsAnotherDevicesChoice(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	b.choice = map[string]bool{"tabs": false}
	a.choice = map[string]bool{"prefs": false}
	once := false
	w.before = func(r *http.Request) *http.Response {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/meta/global") && !once {
			once = true
			b.mustSync()
		}
		return nil
	}
	a.mustSync()
	if !slices.Equal(a.run.Declined, []string{"prefs", "tabs"}) {
		t.Errorf("declined: %v", a.run.Declined)
	}
}

func TestChangedKeysResetTheirEngines(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	b.mustSync()
	// A third device changes the keys, and seals what is there with them.
	sync, _ := seal.SyncBundle(a.account.key)
	k, _ := seal.NewKeys(rand.Reader)
	p, _ := seal.SealKeys(k, sync, rand.Reader)
	a.put("crypto", "keys", string(p))
	p, _ = k.Default.Seal(nil, []byte(`{"id":"note-1","text":"hello"}`), rand.Reader)
	a.put("notes", "note-1", string(p))
	for _, d := range []*device{a, b} {
		resets := d.shelf.resets
		if c := d.mustSync(); c.Merged.Failed != 0 || d.shelf.resets != resets+1 {
			t.Errorf("%s: %d failed, %d resets", d.name, c.Merged.Failed, d.shelf.resets-resets)
		}
	}
	b.shelf.put("note-2", "sealed with the new keys")
	b.mustSync()
	a.mustSync()
	if len(a.shelf.content()) != 2 {
		t.Errorf("a has %v", a.shelf.content())
	}
}

package sync15_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/seal"
	"github.com/syncmanager/syncmanager/server/token"
	"github.com/syncmanager/syncmanager/sync15"
)

// rewriteGlobal changes meta/global on the server as another client would.
func (d *device) rewriteGlobal(change func(map[string]any)) {
	d.w.t.Helper()
	text, _ := json.Marshal(d.state.Global)
	var g map[string]any
	_ = json.Unmarshal(text, &g)
	change(g)
	text, _ = json.Marshal(g)
	d.put("meta", "global", string(text))
}

// writes counts the requests of the last sync that change something.
func (w *world) writes() (n int) {
	for _, r := range w.asked {
		if !strings.HasPrefix(r, "GET ") {
			n++
		}
	}
	return n
}

func TestAFreshStorageListsAllOfFirefoxsEngines(t *testing.T) {
	w := newWorld(t)
	a := w.device("a")
	a.choice = map[string]bool{"history": false, "forms": false}
	a.mustSync()
	g := a.state.Global
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

// TestWhatStartsAStorageAfresh and what must not.
func TestWhatStartsAStorageAfresh(t *testing.T) {
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
			w := newWorld(t)
			a, b := w.device("a"), w.device("b")
			a.shelf.put("note-1", "hello")
			a.mustSync()
			before := a.state.Global.SyncID
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
			if b.state.Global.SyncID == before {
				t.Error("the storage was not started afresh")
			}
			// a has all of it still, and brings it back.
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
	w := newWorld(t)
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
	w := newWorld(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	a.rewriteGlobal(func(g map[string]any) {
		g["engines"] = map[string]any{"martians": map[string]any{"version": 9, "syncID": "mmm", "extra": true}, "odd": "text", "notes": 3}
		g["future"] = "kept"
		g["declined"] = []string{"lunarians"}
	})
	b.mustSync()
	if b.shelf.content()["note-1"] != "hello" {
		t.Errorf("b has %v: an entry that says nothing must not cost a record", b.shelf.content())
	}
	text, _ := json.Marshal(b.state.Global)
	for _, want := range []string{`"martians":{"extra":true,"syncID":"mmm","version":9}`, `"odd":"text"`, `"future":"kept"`, `"lunarians"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("meta/global is %s; %s is lost", text, want)
		}
	}
	a.mustSync()
	b.mustSync()
	w.expect("GET info/collections")
}

func TestEngineVersions(t *testing.T) {
	w := newWorld(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	b.mustSync()

	a.shelf.version = 2
	a.mustSync()
	if a.state.Global.Engines["notes"].Version != 2 || a.shelf.content()["note-1"] != "hello" {
		t.Errorf("meta/global has %+v", a.state.Global.Engines["notes"])
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
	w := newWorld(t)
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
	w := newWorld(t)
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
	w := newWorld(t)
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

func TestTokens(t *testing.T) {
	refuse := func(status string, header ...string) *http.Response {
		return answer(401, "application/json", `{"status":"`+status+`","errors":[]}`, header...)
	}
	t.Run("are asked for once and kept", func(t *testing.T) {
		w := newWorld(t)
		a := w.device("a")
		asked := 0
		w.before = func(r *http.Request) *http.Response {
			if strings.HasPrefix(r.URL.Path, "/token/") {
				asked++
			}
			return nil
		}
		a.mustSync()
		a.mustSync()
		if asked != 1 {
			t.Errorf("%d tokens for two syncs", asked)
		}
		w.Pass(time.Hour)
		a.mustSync()
		if asked != 2 {
			t.Errorf("%d tokens after the first one's end", asked)
		}
	})
	t.Run("a refused access token is renewed once", func(t *testing.T) {
		w := newWorld(t)
		a := w.device("a")
		a.account.bad = true
		a.mustSync()
		if a.account.fresh != 1 {
			t.Errorf("%d fresh access tokens", a.account.fresh)
		}
	})
	for _, status := range []string{"invalid-credentials", "invalid-generation", "invalid-client-state", "invalid-keysChangedAt", "invalid-key-id"} {
		t.Run(status, func(t *testing.T) {
			w := newWorld(t)
			a := w.device("a")
			asked := 0
			w.before = func(r *http.Request) *http.Response {
				if strings.HasPrefix(r.URL.Path, "/token/") {
					asked++
					return refuse(status)
				}
				return nil
			}
			_, err := a.sync(t.Context())
			var auth *sync15.AuthError
			if !errors.As(err, &auth) || auth.Status != status || asked != 2 || !strings.Contains(err.Error(), "sign in again") {
				t.Errorf("after %d tries: %v", asked, err)
			}
		})
	}
	t.Run("a clock that is wrong by a year", func(t *testing.T) {
		w := newWorld(t)
		a := w.device("a")
		a.skew = -365 * 24 * time.Hour
		said := false
		w.before = func(r *http.Request) *http.Response {
			if strings.HasPrefix(r.URL.Path, "/token/") && !said {
				said = true
				return refuse("invalid-timestamp", "X-Timestamp", "1793534400")
			}
			return nil
		}
		a.mustSync()
		if a.state.Skew < 364*24*3600 || a.account.fresh != 0 {
			t.Errorf("the skew is %d s, %d fresh access tokens", a.state.Skew, a.account.fresh)
		}
	})
	for name, c := range map[string]struct {
		resp *http.Response
		says string
	}{
		"new-users-disabled":      {answer(403, "application/json", `{"status":"new-users-disabled"}`), "takes no new users"},
		"404":                     {answer(404, "application/json", `{}`), "check the server's address"},
		"a web page":              {answer(200, "text/html", "<html>"), "a web page came back"},
		"no token":                {answer(200, "application/json", `{"id":"x"}`), "no token in it"},
		"an address that is none": {answer(200, "application/json", `{"id":"x","key":"y","api_endpoint":"file:///etc"}`), "storage address"},
		"20 MB":                   {answer(200, "application/json", strings.Repeat(" ", 20<<20)), "far less was due"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.before = func(r *http.Request) *http.Response {
				if strings.HasPrefix(r.URL.Path, "/token/") {
					return c.resp
				}
				return nil
			}
			if _, err := w.device("a").sync(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want it to say %q", err, c.says)
			}
		})
	}
	t.Run("a storage that refuses for good", func(t *testing.T) {
		w := newWorld(t)
		a := w.device("a")
		a.mustSync()
		tries, tokens := 0, 0
		w.before = func(r *http.Request) *http.Response {
			if strings.HasPrefix(r.URL.Path, "/storage/") {
				tries++
				return answer(401, "application/json", "0")
			}
			tokens++
			return nil
		}
		_, err := a.sync(t.Context())
		if !errors.As(err, new(*sync15.AuthError)) || tries != 2 || tokens != 1 {
			t.Errorf("%v after %d tries with %d new tokens", err, tries, tokens)
		}
	})
}

// TestAMovedStorageIsSetUpAnew: the token server sends the account to another
// node, where nothing is.
func TestAMovedStorageIsSetUpAnew(t *testing.T) {
	w := newWorld(t)
	a := w.device("a")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	w.close()
	w.dir, w.node, w.signer = t.TempDir(), "http://node2.test/storage", token.NewSigner([]byte("another"))
	w.open()
	_, err := a.sync(t.Context())
	if !errors.Is(err, sync15.ErrReassigned) {
		t.Fatalf("the sync ended with %v", err)
	}
	a.mustSync()
	b := w.device("b")
	b.mustSync()
	if b.shelf.content()["note-1"] != "hello" {
		t.Errorf("the new node has %v", b.shelf.content())
	}
}

func TestBackoffIsSharedAndKept(t *testing.T) {
	w := newWorld(t)
	a := w.device("a")
	a.mustSync()
	a.shelf.put("note-1", "x")
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/notes") {
			return answer(503, "application/json", "0", "Retry-After", "100")
		}
		return nil
	}
	_, err := a.sync(t.Context())
	var backed *sync15.BackedOffError
	if !errors.As(err, &backed) || !backed.Until.Equal(w.Now().Add(100*time.Second)) {
		t.Fatalf("the sync ended with %v", err)
	}
	w.before = nil
	if _, err = a.sync(t.Context()); !errors.As(err, &backed) || len(w.asked) != 0 {
		t.Errorf("%v after %v: an order to wait is kept by the next process", err, w.asked)
	}
	w.Pass(101 * time.Second)
	a.mustSync()

	w.after = func(_ *http.Request, resp *http.Response) { resp.Header.Set("X-Weave-Backoff", "300") }
	a.mustSync()
	w.after = nil
	now := w.Now()
	if !a.state.Wait(now, true).IsZero() || !a.state.Wait(now, false).Equal(now.Add(300*time.Second)) {
		t.Error("a request to wait holds for a schedule, not for the user")
	}
	// Nobody can lock a device out for ever.
	w.after = func(_ *http.Request, resp *http.Response) { resp.Header.Set("Retry-After", "99999999999999") }
	a.mustSync()
	if until := a.state.Wait(now, true); until.After(now.Add(25 * time.Hour)) {
		t.Errorf("locked out until %v", until)
	}
}

func TestRetryAfterAsADate(t *testing.T) {
	w := newWorld(t)
	a := w.device("a")
	w.before = func(*http.Request) *http.Response {
		return answer(503, "text/plain", "", "Retry-After", w.Now().Add(time.Minute).Format(http.TimeFormat))
	}
	_, err := a.sync(t.Context())
	var backed *sync15.BackedOffError
	if !errors.As(err, &backed) || !backed.Until.Equal(w.Now().Add(time.Minute)) {
		t.Errorf("the sync ended with %v", err)
	}
}

// lost is a connection that fails.
type lost struct{}

func (lost) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func TestNoNetworkIsASentence(t *testing.T) {
	w := newWorld(t)
	a := w.device("a")
	c := sync15.New(sync15.Config{Account: a.account, Now: w.Now, Rand: rand.Reader, Transport: lost{}}, a.state)
	_, err := c.Setup(context.Background(), sync15.Choice{Engines: []engine.Engine{a.shelf}})
	if err == nil || !strings.Contains(err.Error(), "cannot reach sync.test") || !strings.Contains(err.Error(), "check the network") {
		t.Errorf("the error is %v", err)
	}
}

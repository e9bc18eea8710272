package sync15_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/server/token"
	"github.com/syncmanager/syncmanager/sync15"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	refuse := func(status string, header ...string) *http.Response {
		return answer(401, "application/json", `{"status":"`+status+`","errors":[]}`, header...)
	}
	t.Run("are asked for once and kept", func(t *testing.T) {
		w := newEnv(t)
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
		w := newEnv(t)
		a := w.device("a")
		a.account.bad = true
		a.mustSync()
		if a.account.fresh != 1 {
			t.Errorf("%d fresh access tokens", a.account.fresh)
		}
	})
	for _, status := range []string{"invalid-credentials", "invalid-generation", "invalid-client-state", "invalid-keysChangedAt", "invalid-key-id"} {
		t.Run(status, func(t *testing.T) {
			w := newEnv(t)
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
		w := newEnv(t)
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
		if a.state.Inner().Skew < 364*24*3600 || a.account.fresh != 0 {
			t.Errorf("the skew is %d s, %d fresh access tokens", a.state.Inner().Skew, a.account.fresh)
		}
		if told := a.shelf.start.Skew; told != time.Duration(a.state.Inner().Skew)*time.Second {
			t.Errorf("the engine is told of %v", told)
		}
	})
	for name, c := range map[string]struct {
		resp *http.Response
		says string
	}{
		"new-users-disabled":      {answer(403, "application/json", `{"status":"new-users-disabled"}`), "does not accept new users"},
		"404":                     {answer(404, "application/json", `{}`), "check the server's address"},
		"a web page":              {answer(200, "text/html", "<html>"), "a web page came back"},
		"no token":                {answer(200, "application/json", `{"id":"x"}`), "no token in it"},
		"an address that is none": {answer(200, "application/json", `{"id":"x","key":"y","api_endpoint":"file:///etc"}`), "storage address"},
		"20 MB":                   {answer(200, "application/json", strings.Repeat(" ", 20<<20)), "far less was due"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
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
		w := newEnv(t)
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
		// The token server accepts the account, so signing in again may not help.
		var refused *sync15.ServerError
		if !errors.As(err, &refused) || refused.Code != 401 || errors.As(err, new(*sync15.AuthError)) || tries != 2 || tokens != 1 {
			t.Errorf("%v after %d tries with %d new tokens", err, tries, tokens)
		}
	})
	for _, status := range []string{"", "error", "invalid-timestamp"} {
		t.Run("a refusal that is not about the account: "+status, func(t *testing.T) {
			w := newEnv(t)
			a := w.device("a")
			w.before = func(r *http.Request) *http.Response {
				if strings.HasPrefix(r.URL.Path, "/token/") {
					return refuse(status)
				}
				return nil
			}
			_, err := a.sync(t.Context())
			var refused *sync15.ServerError
			if !errors.As(err, &refused) || refused.Code != 401 || errors.As(err, new(*sync15.AuthError)) || !strings.Contains(err.Error(), "check this device's clock") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestAMovedStorageIsSetUpAgain: the token server sends the account to another, empty node.
func TestAMovedStorageIsSetUpAgain(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
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

// The storage may move while engines sync: engines that notice it later end with the same
// error, and no state of the old node is used.
func TestAStorageThatMovesWhileEnginesSync(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	one, two := newShelf("one"), newShelf("two")
	choice := sync15.Choice{Engines: []engine.Engine{one, two}}
	c := a.client()
	run, err := c.Setup(t.Context(), choice)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*shelf{one, two} {
		s.put("note-1", "hello")
	}
	w.close()
	w.dir, w.node, w.signer = t.TempDir(), "http://node2.test/storage", token.NewSigner([]byte("another"))
	w.open()
	for _, s := range []*shelf{one, two} {
		if _, err := run.SyncEngine(t.Context(), s, engine.Start{Run: "run"}); !errors.Is(err, sync15.ErrReassigned) {
			t.Errorf("the sync of %s ended with %v", s.collection, err)
		}
	}
	if run, err = c.Setup(t.Context(), choice); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*shelf{one, two} {
		if _, err := run.SyncEngine(t.Context(), s, engine.Start{Run: "run"}); err != nil || len(s.dirty) > 0 {
			t.Errorf("the sync of %s on the new node: %v, %v wait", s.collection, err, s.dirty)
		}
	}
}

package server_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

const nodeURL = "https://node.test"

// withNode is a server whose users' records are on a storage node.
type withNode struct {
	*env
	secret []byte
	dir    string
	node   *server.Server
	away   atomic.Bool
}

func newWithNode(t *testing.T) *withNode {
	t.Helper()
	w := &withNode{dir: filepath.Join(t.TempDir(), "node")}
	w.env = newEnv(t, func(cfg *server.Config) { cfg.NodeTransport = w })
	var err error
	if w.secret, _, err = w.server.AddNode(t.Context(), nodeURL, 10); err != nil {
		t.Fatal(err)
	}
	w.openNode()
	return w
}

func (w *withNode) openNode() {
	w.t.Helper()
	s, err := server.New(w.t.Context(), server.Config{
		Dir: w.dir, Database: pgtest.IfChosen(w.t), PublicURL: nodeURL, Node: &server.Node{URL: nodeURL, Secret: w.secret},
		Now: w.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), PurgeTicks: make(chan time.Time),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.Close(context.Background()) })
	w.node = s
}

// RoundTrip carries requests to the node, and others to the server.
func (w *withNode) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "node.test" {
		return inproc.New(w.server.Handler()).RoundTrip(r)
	}
	if w.away.Load() {
		return nil, errors.New("no route to the node")
	}
	return inproc.New(w.node.Handler()).RoundTrip(r)
}

func (w *withNode) device(create bool) *device {
	d := w.env.device(create)
	d.via = w
	return d
}

func (w *withNode) tell() {
	w.t.Helper()
	if err := w.server.TellNodes(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (d *device) refused() {
	d.w.t.Helper()
	if code, body := d.do("GET", "/info/collections", ""); code != http.StatusUnauthorized {
		d.w.t.Errorf("an ended token: %d %s", code, body)
	}
}

// changePassword does what the page of the settings does, which ends the sessions of all devices.
func (w *withNode) changePassword() error {
	w.t.Helper()
	h := w.server.Handler()
	var how struct{ ClientSalt string }
	if err := json.Unmarshal(post(w.t, h, "/auth/v1/account/credentials/status", map[string]string{"email": email}), &how); err != nil {
		return err
	}
	var began struct{ PasswordChangeToken string }
	start := post(w.t, h, "/auth/v1/password/change/start", map[string]string{"email": email, "oldAuthPW": stretched(w.t, how.ClientSalt)})
	if err := json.Unmarshal(start, &began); err != nil {
		return err
	}
	token, err := hex.DecodeString(began.PasswordChangeToken)
	if err != nil {
		return err
	}
	body := fmt.Sprintf(`{"authPW":"%064x","wrapKb":"%064x"}`, 1, 2)
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, root+"/auth/v1/password/change/finish", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	change := onepw.PasswordChangeToken(token)
	by := hawk.Credentials{ID: change.ID, Key: change.Key}
	hawk.Sign(r, by, w.Now().Unix(), "nonce", hawk.PayloadHash("application/json", []byte(body)))
	res, err := inproc.New(h).RoundTrip(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		return fmt.Errorf("the password is not changed: %s: %s", res.Status, text)
	}
	return nil
}

// What ends a token ends it at the node too, as soon as it was told, and other devices go on. That holds after
// restarts of either side between any two of these.
func TestTokensEndAtNodes(t *testing.T) {
	t.Parallel()
	restartNode := func(w *withNode) {
		if err := w.node.Close(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.openNode()
	}
	restartServer := func(w *withNode) {
		if err := w.server.Close(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.open()
	}
	for name, c := range map[string]struct {
		end    func(w *withNode, d, other *device) error
		goesOn bool // the other device
	}{
		"signed out from another device": {func(w *withNode, d, other *device) error {
			return other.account.Disconnect(w.t.Context(), account.Device{ID: d.account.DeviceID()})
		}, true},
		"signed out":           {func(w *withNode, d, _ *device) error { return d.account.SignOut(w.t.Context()) }, true},
		"password changed":     {func(w *withNode, _, _ *device) error { return w.changePassword() }, false},
		"disabled":             {func(w *withNode, _, _ *device) error { return w.server.SetDisabled(w.t.Context(), email, true) }, false},
		"removed":              {func(w *withNode, _, _ *device) error { return w.server.RemoveUser(w.t.Context(), email) }, false},
		"deleted by its owner": {func(w *withNode, _, _ *device) error { w.destroyAccount(); return nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWithNode(t)
			w.tell()
			d, other := w.device(true), w.device(false)
			if err := d.account.RegisterDevice(t.Context(), "laptop", "desktop"); err != nil {
				t.Fatal(err)
			}
			d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
			w.tell()
			w.Pass(time.Second)
			if err := c.end(w, d, other); err != nil {
				t.Fatal(err)
			}
			restartServer(w)
			check := func() {
				t.Helper()
				d.refused()
				if c.goesOn {
					other.must("GET", "/info/collections", "")
				} else {
					other.refused()
				}
			}
			w.tell()
			check()
			restartNode(w)
			w.tell()
			check()
			restartServer(w)
			restartNode(w)
			w.tell()
			check()

			// A token that was made since is good.
			if !c.goesOn {
				return
			}
			w.Pass(time.Second)
			again := w.device(false)
			again.must("GET", "/info/collections", "")
			w.tell()
			again.must("GET", "/info/collections", "")
			check()
		})
	}
}

// A node that cannot be told refuses what ended when it expires, and serves the others.
func TestANodeThatIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWithNode(t)
	d, other := w.device(true), w.device(false)
	w.tell()
	w.Pass(time.Second)
	w.away.Store(true)
	if err := d.account.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.server.TellNodes(t.Context()); !errors.Is(err, server.ErrNodeAway) {
		t.Errorf("a node that is away was told: %v", err)
	}
	w.away.Store(false)
	d.must("GET", "/info/collections", "")
	w.Pass(5 * time.Minute)
	if code, _ := d.do("PUT", "/storage/forms/x", `{"payload":"sealed"}`); code != http.StatusUnauthorized {
		t.Errorf("after five minutes: %d", code)
	}
	other.renew()
	other.must("GET", "/info/collections", "")

	// Endings that are older than any token are not told. The second purge removes them.
	w.Pass(time.Hour)
	for range 2 {
		if err := w.server.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Pass(time.Hour)
	}
	w.tell()
	other.renew()
	other.must("GET", "/info/collections", "")
}

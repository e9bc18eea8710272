package sync15_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/token"
	"github.com/syncmanager/syncmanager/sync15"
)

// env is a real token server and a real storage server, reached without a network, and a clock
// that moves only when a test sets it. Only the accounts server is missing: an environment's
// access tokens are "good" and the name of the account.
type env struct {
	t      testing.TB
	dir    string
	limits bso.Limits

	*testclock.Clock
	// before may answer in the server's place; after may change its answer. Both
	// see requests one at a time.
	before func(r *http.Request) *http.Response
	after  func(r *http.Request, resp *http.Response)
	// strip, if set, removes parameters that the server does not know. The signature stays that
	// of the original request.
	strip func(url.Values)
	// lose, if set, says what gets lost: the request, or the answer.
	lose func() (before, after error)
	// page is how many records a device asks for at once.
	page int
	// asked lists the requests to the storage service, "GET info/collections".
	mu    sync.Mutex
	asked []string
	// signer and node are what tokens are made with; a test may replace them.
	signer  *token.Signer
	node    string
	tokens  *token.Service
	storage *storage.Service
	backend storage.Backend
}

const host = "http://sync.test"

func newEnv(t testing.TB, change ...func(*env)) *env {
	w := &env{
		t: t, dir: t.TempDir(), page: 1000, Clock: testclock.At(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)),
		signer: token.NewSigner([]byte("a secret of this test")), node: host + "/storage",
	}
	for _, f := range change {
		f(w)
	}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *env) open() {
	var err error
	w.tokens, err = token.Open(w.t.Context(), token.Config{
		Dir: w.dir, Node: func(context.Context) string { return w.node }, Signer: w.signer, HashKey: []byte("hash"), Verifier: w, Now: w.Now, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.backend, err = sqlite.New(sqlite.Config{Dir: w.dir + "/storage", Now: w.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.storage = storage.New(storage.Config{
		Backend: w.backend, Prefix: "/storage", Auth: w, Now: w.Now, Rand: rand.Reader, Limits: w.limits,
	})
}

func (w *env) close() {
	_ = w.tokens.Close()
	_ = w.backend.Close(context.Background())
}

// Verify does the accounts server's part.
func (w *env) Verify(_ context.Context, access string) (token.Identity, error) {
	name, ok := strings.CutPrefix(access, "good ")
	if !ok {
		return token.Identity{}, token.ErrBadAccess
	}
	return token.Identity{Account: name, Generation: 1000}, nil
}

// Authenticate is what the server does with a request to the storage service.
func (w *env) Authenticate(r *http.Request) (int64, bool, error) {
	h, err := hawk.Parse(r.Header.Get("Authorization"))
	if err != nil {
		return 0, false, fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
	}
	g, key, err := w.signer.Parse(h.ID)
	if err == nil {
		signed := hawk.RequestOf(r, nil)
		signed.URI = cmp.Or(r.Header.Get("Test-Signed-For"), signed.URI)
		err = h.Verify(key, signed)
	}
	if err != nil {
		return 0, false, fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
	}
	return g.UID, w.Now().After(g.Expires), nil
}

// RoundTrip serves a request in the caller's goroutine.
func (w *env) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	path := r.URL.EscapedPath()
	if i := strings.Index(path, "/1.5/"); i >= 0 && strings.HasPrefix(path, "/storage/") {
		_, rest, _ := strings.Cut(path[i+len("/1.5/"):], "/")
		w.mu.Lock()
		w.asked = append(w.asked, r.Method+" "+rest)
		w.mu.Unlock()
	}
	if w.before != nil {
		if resp := w.before(r); resp != nil {
			resp.Request = r
			return resp, nil
		}
	}
	var answerLost error
	if w.lose != nil {
		var err error
		if err, answerLost = w.lose(); err != nil {
			return nil, err
		}
	}
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:1"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if w.strip != nil {
		q := in.URL.Query()
		w.strip(q)
		in.Header.Set("Test-Signed-For", in.RequestURI)
		in.URL.RawQuery = q.Encode()
	}
	rec := httptest.NewRecorder()
	switch {
	case strings.HasPrefix(path, "/token/"):
		http.StripPrefix("/token", w.tokens).ServeHTTP(rec, in)
	case strings.HasPrefix(path, "/storage/"):
		w.storage.ServeHTTP(rec, in)
	default:
		http.NotFound(rec, in)
	}
	if err := cmp.Or(r.Context().Err(), answerLost); err != nil {
		return nil, err
	}
	resp := rec.Result()
	resp.Request = r
	if w.after != nil {
		w.after(r, resp)
	}
	return resp, nil
}

// answer makes a response for before.
func answer(code int, contentType, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {contentType}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: code, ProtoMajor: 1, ProtoMinor: 1, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// account is one account's session on one device.
type account struct {
	name   string
	key    []byte
	device string
	// bad makes the cached access token one that is refused; fresh ones are good.
	bad bool
	// revoked makes every access token bad.
	revoked bool
	fresh   int
}

func (a *account) AccessToken(_ context.Context, fresh bool) (string, error) {
	if fresh {
		a.fresh++
		a.bad = false
	}
	if a.bad || a.revoked {
		return "bad", nil
	}
	return "good " + a.name, nil
}
func (a *account) SyncKey(context.Context) (string, []byte, error) {
	return "1000-AAAAAAAAAAAAAAAAAAAAAA", a.key, nil
}
func (a *account) TokenServer() string                         { return host + "/token" }
func (a *account) DeviceID() string                            { return a.device }
func (a *account) DeviceIDs(context.Context) ([]string, error) { return nil, nil }

// device is one device of an account, with a state and a shelf to sync.
type device struct {
	w       *env
	account *account
	state   *sync15.State
	shelf   *shelf
	name    string
	choice  map[string]bool
	obeyed  []sync15.Command
	skew    time.Duration
	run     *sync15.Run
}

func (w *env) device(name string) *device {
	return &device{
		w: w, account: &account{name: "ann", key: bytes.Repeat([]byte{7}, 64), device: "dev-" + name},
		state: &sync15.State{}, shelf: newShelf("notes"), name: name,
	}
}

func (d *device) client() *sync15.Client {
	c := sync15.New(sync15.Config{
		Account: d.account, Now: func() time.Time { return d.w.Now().Add(d.skew) }, Rand: rand.Reader, Transport: d.w,
	}, d.state)
	c.SetPage(d.w.page)
	return c
}

// restart marshals the state to JSON and back, as a new process would.
func (d *device) restart() {
	d.w.t.Helper()
	text, err := json.Marshal(d.state)
	if err != nil {
		d.w.t.Fatal(err)
	}
	d.state = &sync15.State{}
	if err := json.Unmarshal(text, d.state); err != nil {
		d.w.t.Fatal(err)
	}
}

// sync runs one whole sync of a device, as in a new process.
func (d *device) sync(ctx context.Context) (sync15.Stats, error) {
	d.restart()
	d.w.mu.Lock()
	d.w.asked = nil
	d.w.mu.Unlock()
	c := d.client()
	c.StartRun()
	run, err := c.Setup(ctx, sync15.Choice{Engines: []engine.Engine{d.shelf}, Enable: d.choice})
	if err != nil {
		return sync15.Stats{}, err
	}
	d.run, d.choice = run, nil
	_, err = run.SyncClients(ctx, sync15.Device{Name: d.name, Type: "desktop"}, func(_ context.Context, cmd *sync15.Command) (bool, error) {
		if cmd.Name == "unheard-of" {
			return false, nil
		}
		d.obeyed = append(d.obeyed, *cmd)
		return true, nil
	})
	if err != nil {
		return sync15.Stats{}, err
	}
	if slices.Contains(run.Declined, "notes") || slices.Contains(run.Newer, "notes") {
		return sync15.Stats{}, nil
	}
	return run.SyncEngine(ctx, d.shelf, engine.Start{Run: "run"})
}

func (d *device) mustSync() sync15.Stats {
	d.w.t.Helper()
	c, err := d.sync(d.w.t.Context())
	if err != nil {
		d.w.t.Fatalf("sync of %s: %v", d.name, err)
	}
	return c
}

// expect fails unless the last sync made just these requests.
func (w *env) expect(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.asked, want) {
		w.t.Errorf("the requests were\n\t%s\nwant\n\t%s", strings.Join(w.asked, "\n\t"), strings.Join(want, "\n\t"))
	}
}

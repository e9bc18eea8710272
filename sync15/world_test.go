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
	"maps"
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
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/token"
	"github.com/syncmanager/syncmanager/sync15"
)

// world is a real token server and a real storage server, reached without a
// network, and a clock that stands until it is moved. Only the accounts server
// is left out: a world's access tokens are "good" and the name of the account.
type world struct {
	t      testing.TB
	dir    string
	limits bso.Limits

	mu  sync.Mutex
	now time.Time
	// before may answer in the server's place; after may change its answer. Both
	// see requests one at a time.
	before func(r *http.Request) *http.Response
	after  func(r *http.Request, resp *http.Response)
	// strip, if set, takes parameters away that the server does not know. The
	// request stays signed as it was sent.
	strip func(url.Values)
	// lose, if set, says what gets lost: the request, or the answer.
	lose func() (before, after error)
	// asked lists the requests to the storage service, "GET info/collections".
	asked []string
	// signer and node are what tokens are made with; a test may replace them.
	signer  *token.Signer
	node    string
	tokens  *token.Service
	storage *storage.Service
}

const host = "http://sync.test"

func newWorld(t testing.TB, change ...func(*world)) *world {
	w := &world{
		t: t, dir: t.TempDir(), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		signer: token.NewSigner([]byte("a secret of this test")), node: host + "/storage",
	}
	for _, f := range change {
		f(w)
	}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *world) open() {
	var err error
	w.tokens, err = token.Open(w.t.Context(), token.Config{
		Dir: w.dir, Node: w.node, Signer: w.signer, HashKey: []byte("hash"), Verifier: w, Now: w.clock, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.storage, err = storage.New(storage.Config{
		Dir: w.dir + "/storage", Prefix: "/storage", Auth: w, Now: w.clock, Rand: rand.Reader, Limits: w.limits,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	_ = w.tokens.Close()
	_ = w.storage.Close(context.Background())
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Verify is the accounts server's part.
func (w *world) Verify(_ context.Context, access string) (token.Identity, error) {
	name, ok := strings.CutPrefix(access, "good ")
	if !ok {
		return token.Identity{}, token.ErrBadAccess
	}
	return token.Identity{Account: name, Generation: 1000}, nil
}

// Authenticate is what the server does with a request to the storage service.
func (w *world) Authenticate(r *http.Request) (int64, bool, error) {
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
	return g.UID, w.clock().After(g.Expires), nil
}

// RoundTrip serves a request in the caller's goroutine.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
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

// device is one device of an account: a state, and a shelf to sync.
type device struct {
	w       *world
	account *account
	state   *sync15.State
	shelf   *shelf
	name    string
	choice  map[string]bool
	obeyed  []sync15.Command
	skew    time.Duration
	run     *sync15.Run
}

func (w *world) device(name string) *device {
	return &device{
		w: w, account: &account{name: "ann", key: bytes.Repeat([]byte{7}, 64), device: "dev-" + name},
		state: &sync15.State{}, shelf: newShelf("notes"), name: name,
	}
}

func (d *device) client() *sync15.Client {
	return sync15.New(sync15.Config{
		Account: d.account, Now: func() time.Time { return d.w.clock().Add(d.skew) }, Rand: rand.Reader, Transport: d.w,
	}, d.state)
}

// restart puts the state through JSON, as a new process finds it.
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

// sync is one whole sync of a device, in a process of its own.
func (d *device) sync(ctx context.Context) (sync15.Collected, error) {
	d.restart()
	d.w.mu.Lock()
	d.w.asked = nil
	d.w.mu.Unlock()
	c := d.client()
	c.StartRun()
	run, err := c.Setup(ctx, sync15.Choice{Engines: []engine.Engine{d.shelf}, Enable: d.choice})
	if err != nil {
		return sync15.Collected{}, err
	}
	d.run, d.choice = run, nil
	_, err = run.SyncClients(ctx, sync15.Device{Name: d.name, Type: "desktop"}, func(_ context.Context, cmd sync15.Command) (bool, error) {
		if cmd.Name == "unheard-of" {
			return false, nil
		}
		d.obeyed = append(d.obeyed, cmd)
		return true, nil
	})
	if err != nil {
		return sync15.Collected{}, err
	}
	if slices.Contains(run.Declined, "notes") || slices.Contains(run.Newer, "notes") {
		return sync15.Collected{}, nil
	}
	return run.SyncEngine(ctx, d.shelf, engine.Start{Run: "run"})
}

func (d *device) mustSync() sync15.Collected {
	d.w.t.Helper()
	c, err := d.sync(d.w.t.Context())
	if err != nil {
		d.w.t.Fatalf("sync of %s: %v", d.name, err)
	}
	return c
}

// expect fails unless the last sync made just these requests.
func (w *world) expect(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.asked, want) {
		w.t.Errorf("the requests were\n\t%s\nwant\n\t%s", strings.Join(w.asked, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// shelf is an engine in memory: texts by ID, the newer one wins. It fulfils the
// contract, and lets a test in at each step.
type shelf struct {
	mu         sync.Mutex
	collection string
	version    int
	assoc      engine.Association
	since      engine.Timestamp
	items      map[engine.ID]string
	dirty      map[engine.ID]int
	gone       map[engine.ID]bool
	refused    map[engine.ID]bool
	retry      map[engine.ID]bool
	resets     int
	wipes      int
	receipts   []engine.Receipt
	ended      []error
	// at, if set, is called at each step of a session.
	at func(step string) error
}

func newShelf(collection string) *shelf {
	return &shelf{
		collection: collection, version: 1, items: map[engine.ID]string{}, dirty: map[engine.ID]int{}, gone: map[engine.ID]bool{},
		refused: map[engine.ID]bool{}, retry: map[engine.ID]bool{},
	}
}

func (s *shelf) put(id engine.ID, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[id] = text
	s.dirty[id]++
	delete(s.gone, id)
	delete(s.refused, id)
}

func (s *shelf) drop(id engine.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.items, id)
	s.gone[id] = true
	s.dirty[id]++
}

func (s *shelf) content() map[engine.ID]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.items)
}

func (s *shelf) Collection() string { return s.collection }
func (s *shelf) Version() int       { return s.version }
func (s *shelf) Association(context.Context) (engine.Association, error) {
	return s.assoc, nil
}
func (s *shelf) Reset(_ context.Context, a engine.Association) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assoc, s.since, s.resets = a, 0, s.resets+1
	for id := range s.items {
		s.dirty[id] = max(s.dirty[id], 1)
	}
	return nil
}
func (s *shelf) Wipe(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.items)
	clear(s.dirty)
	clear(s.gone)
	s.assoc, s.since, s.wipes = engine.Association{}, 0, s.wipes+1
	return nil
}
func (s *shelf) Begin(context.Context, engine.Start) (engine.Session, error) {
	if err := s.step("begin"); err != nil {
		return nil, err
	}
	return &shelfSession{s: s, staged: map[engine.ID]engine.Incoming{}}, nil
}

func (s *shelf) step(name string) error {
	if s.at == nil {
		return nil
	}
	return s.at(name)
}

type shelfSession struct {
	s        *shelf
	staged   map[engine.ID]engine.Incoming
	snapshot []engine.Outgoing
	counters map[engine.ID]int
	next     int
}

func (x *shelfSession) Since() engine.Timestamp { return x.s.since }
func (x *shelfSession) Retry() []engine.ID      { return slices.Sorted(maps.Keys(x.s.retry)) }
func (x *shelfSession) Stage(_ context.Context, page []engine.Incoming) error {
	for _, in := range page {
		in.Payload = bytes.Clone(in.Payload)
		x.staged[in.ID] = in
	}
	return x.s.step("stage")
}

func (x *shelfSession) Merge(_ context.Context, at engine.Timestamp) (engine.Merged, error) {
	if err := x.s.step("merge"); err != nil {
		return engine.Merged{}, err
	}
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	var m engine.Merged
	for id, in := range x.staged {
		switch {
		case in.Err != nil:
			m.Failed++
			m.Problems = append(m.Problems, engine.Problem{ID: id, Err: in.Err})
			s.retry[id] = true
			continue
		case s.dirty[id] > 0 && !s.gone[id]:
			if text, _ := shelfText(in.Payload); in.Payload != nil && text == s.items[id] {
				delete(s.dirty, id)
			}
			m.Reconciled++
		case in.Tombstone():
			delete(s.items, id)
			delete(s.dirty, id)
			m.Applied++
		default:
			text, err := shelfText(in.Payload)
			if err != nil {
				m.Failed++
				continue
			}
			s.items[id] = text
			delete(s.gone, id)
			delete(s.dirty, id)
			m.Applied++
		}
		delete(s.retry, id)
	}
	s.since = at
	x.counters = map[engine.ID]int{}
	for _, id := range slices.Sorted(maps.Keys(s.dirty)) {
		if s.refused[id] {
			continue
		}
		x.counters[id] = s.dirty[id]
		out := engine.Outgoing{ID: id}
		if !s.gone[id] {
			out.Payload, _ = json.Marshal(map[string]string{"id": string(id), "text": s.items[id]})
		}
		x.snapshot = append(x.snapshot, out)
	}
	m.Outgoing = len(x.snapshot)
	return m, nil
}

func shelfText(payload []byte) (string, error) {
	var r struct{ Text string }
	err := json.Unmarshal(payload, &r)
	return r.Text, err
}

func (x *shelfSession) Outgoing(_ context.Context, max int) ([]engine.Outgoing, error) {
	if err := x.s.step("outgoing"); err != nil {
		return nil, err
	}
	n := min(max, len(x.snapshot)-x.next)
	page := x.snapshot[x.next : x.next+n]
	x.next += n
	return page, nil
}

func (x *shelfSession) Uploaded(_ context.Context, r engine.Receipt) error {
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receipts = append(s.receipts, r)
	for _, id := range r.Stored {
		if s.dirty[id] -= x.counters[id]; s.dirty[id] <= 0 {
			delete(s.dirty, id)
			delete(s.gone, id)
		}
	}
	for _, refusal := range r.Refused {
		s.refused[refusal.ID] = refusal.Permanent
	}
	s.since = cmp.Or(r.At, s.since)
	return nil
}

func (x *shelfSession) End(_ context.Context, cause error) error {
	x.s.ended = append(x.s.ended, cause)
	return x.s.step("end")
}

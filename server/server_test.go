package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/inproc"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server"
)

const root = "http://sync.test"

// env is a server and a clock.
type env struct {
	rootURL string // as clients know it
	t       *testing.T
	cfg     server.Config
	server  *server.Server
	ticks   chan time.Time
	log     safeBuffer
	*testclock.Clock
}

// safeBuffer is a log that is written to from many goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newEnv(t *testing.T, change func(*server.Config)) *env {
	t.Helper()
	w := &env{t: t, rootURL: root, Clock: testclock.At(time.Unix(1_795_372_558, 0)), ticks: make(chan time.Time)}
	w.cfg = server.Config{
		Dir: filepath.Join(t.TempDir(), "data"), PublicURL: root, Now: w.Now, Rand: rand.Reader, PasswordCost: 4,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), PurgeTicks: w.ticks, Version: "1.2.3",
	}
	if change != nil {
		change(&w.cfg)
	}
	if w.cfg.Database == "" && w.cfg.Backend == nil {
		w.cfg.Database = pgtest.IfChosen(t)
	}
	w.open()
	return w
}

func (w *env) open() {
	w.t.Helper()
	s, err := server.New(w.t.Context(), w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			w.t.Error(err)
		}
	})
	w.server = s
}

func (w *env) accounts(t http.RoundTripper) *account.Client {
	w.t.Helper()
	c, err := account.New(account.Config{Server: w.rootURL, Transport: t, Now: w.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// device is signed in, with a storage token.
type device struct {
	w       *env
	account *account.Account
	via     http.RoundTripper
	token   struct {
		ID       string
		Key      string
		Endpoint string `json:"api_endpoint"`
		UID      int64
		NodeType string `json:"node_type"`
	}
}

const (
	email    = "alice@example.org"
	password = "correct horse"
)

func (w *env) device(create bool) *device {
	w.t.Helper()
	d := &device{w: w, via: inproc.New(w.server.Handler())}
	signIn := w.accounts(d.via).Login
	if create {
		signIn = w.accounts(d.via).CreateAccount
	}
	var err error
	if d.account, err = signIn(w.t.Context(), email, password); err != nil {
		w.t.Fatal(err)
	}
	d.renew()
	return d
}

// renew gets a storage token.
func (d *device) renew() {
	t := d.w.t
	t.Helper()
	if status := d.askToken(); status != http.StatusOK {
		t.Fatalf("token server: %d", status)
	}
}

func (d *device) askToken() int {
	t := d.w.t
	t.Helper()
	access, err := d.account.AccessToken(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	kid, _, err := d.account.SyncKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", d.account.TokenServer()+"/1.0/sync/1.5", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	r.Header.Set("X-KeyID", kid)
	res, err := d.via.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(res.Body).Decode(&d.token); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// do makes a storage request.
func (d *device) do(method, path, body string) (int, string) {
	t := d.w.t
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.token.Endpoint+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	nonce, err := hawk.Nonce(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, d.w.Now().Unix(), nonce, "")
	res, err := d.via.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (d *device) must(method, path, body string) string {
	d.w.t.Helper()
	code, answer := d.do(method, path, body)
	if code != http.StatusOK {
		d.w.t.Fatalf("%s %s: %d %s", method, path, code, answer)
	}
	return answer
}

// What one device stores the other reads, and it is there after a restart.
func TestTwoDevices(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.device(true)
	const record = "/storage/forms/%2FDxrbGUjRCqNUiqn" // an id as Firefox makes them
	a.must("PUT", record, `{"payload":"sealed"}`)
	b := w.device(false)
	if b.token.UID != a.token.UID {
		t.Errorf("storage %d and %d", a.token.UID, b.token.UID)
	}
	if got := b.must("GET", record, ""); !strings.Contains(got, "sealed") {
		t.Errorf("the other device reads %s", got)
	}
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.open()
	a.via = inproc.New(w.server.Handler())
	if got := a.must("GET", record, ""); !strings.Contains(got, "sealed") {
		t.Errorf("after a restart: %s", got)
	}
}

func TestStorageRefuses(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	good := d.token
	refused := func(what string) {
		t.Helper()
		if code, body := d.do("PUT", "/storage/forms/x", `{"payload":""}`); code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", what, code, body)
		}
	}
	d.token.Key = good.Key[1:] + good.Key[:1]
	refused("another key")
	d.token = good
	d.token.ID = good.ID[1:] + good.ID[:1]
	refused("a forged token")
	d.token = good
	d.token.Endpoint = fmt.Sprint(strings.TrimSuffix(good.Endpoint, fmt.Sprint(good.UID)), good.UID+1)
	refused("another user's storage")
	d.token = good
	w.Pass(61 * time.Minute)
	refused("an expired token")
	d.must("GET", "/info/collections", "") // which an expired one still may
	d.renew()
	d.must("PUT", "/storage/forms/x", `{"payload":""}`)
	w.Pass(-2 * 365 * 24 * time.Hour)
	r := httptest.NewRequest("GET", d.token.Endpoint+"/info/collections", nil)
	hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, w.Now().Add(53*7*24*time.Hour).Unix(), "n", "")
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("a clock more than a year off: %d", rec.Code)
	}
}

// A deleted account gets no token, and its storage is removed when the last one
// has expired.
func TestDeletedAccount(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	files := func() string {
		var names []string
		err := filepath.WalkDir(filepath.Join(w.cfg.Dir, "storage"), func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				names = append(names, e.Name())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(names, " ")
	}
	if files() == "" {
		t.Fatal("nothing is stored")
	}
	w.destroyAccount()
	if code := d.askToken(); code != http.StatusUnauthorized {
		t.Errorf("a token for a deleted account: %d", code)
	}
	if code, _ := d.do("GET", "/info/collections", ""); code != http.StatusUnauthorized {
		t.Errorf("a token of a deleted account: %d", code)
	}
	if left := files(); left != "" {
		t.Errorf("the storage is still there: %s", left)
	}
	for range 2 { // a sweep finds nothing to do
		w.Pass(2 * time.Hour)
		if err := w.server.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// destroyAccount deletes the account, as its page would.
func (w *env) destroyAccount() {
	w.t.Helper()
	h := w.server.Handler()
	var how struct{ ClientSalt string }
	if err := json.Unmarshal(post(w.t, h, "/auth/v1/account/credentials/status", map[string]string{"email": email}), &how); err != nil {
		w.t.Fatal(err)
	}
	post(w.t, h, "/auth/v1/account/destroy", map[string]string{"email": email, "authPW": stretched(w.t, how.ClientSalt)})
}

// The purge follows its ticks.
func TestPurgeTicks(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	w.destroyAccount()
	w.Pass(2 * time.Hour)
	w.ticks <- w.Now()
	w.ticks <- w.Now() // taken only when the first is done
	if _, err := os.Stat(filepath.Join(w.cfg.Dir, "storage", fmt.Sprint(d.token.UID)+".sqlite")); err == nil {
		t.Error("the storage is still there")
	}
	if strings.Contains(w.log.String(), "purge failed") {
		t.Error(w.log.String())
	}
}

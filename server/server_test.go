package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

const root = "http://sync.test"

// world is a server and a clock.
type world struct {
	t      *testing.T
	cfg    server.Config
	server *server.Server
	ticks  chan time.Time
	log    safeBuffer

	mu  sync.Mutex
	now time.Time
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

func newWorld(t *testing.T, change func(*server.Config)) *world {
	t.Helper()
	w := &world{t: t, now: time.Unix(1_795_372_558, 0), ticks: make(chan time.Time)}
	w.cfg = server.Config{
		Dir: filepath.Join(t.TempDir(), "data"), PublicURL: root, Now: w.clock, Rand: rand.Reader, PasswordCost: 4,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), PurgeTicks: w.ticks, Version: "1.2.3",
	}
	if change != nil {
		change(&w.cfg)
	}
	w.open()
	return w
}

func (w *world) open() {
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

func (w *world) accounts(t http.RoundTripper) *account.Client {
	w.t.Helper()
	c, err := account.New(account.Config{Server: root, Transport: t, Now: w.clock, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// device is signed in, with a storage token.
type device struct {
	w       *world
	account *account.Account
	via     http.RoundTripper
	token   struct {
		ID       string
		Key      string
		Endpoint string `json:"api_endpoint"`
		UID      int64
	}
}

const (
	email    = "alice@example.org"
	password = "correct horse"
)

func (w *world) device(create bool) *device {
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
	hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, d.w.clock().Unix(), nonce, "")
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
	w := newWorld(t, nil)
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
	w := newWorld(t, nil)
	d := w.device(true)
	good := d.token
	refused := func(what string) {
		t.Helper()
		if code, body := d.do("PUT", "/storage/forms/x", `{"payload":""}`); code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", what, code, body)
		}
	}
	d.token.Key = "x" + good.Key[1:]
	refused("another key")
	d.token = good
	d.token.ID = "x" + good.ID[1:]
	refused("a forged token")
	d.token = good
	d.token.Endpoint = fmt.Sprint(strings.TrimSuffix(good.Endpoint, fmt.Sprint(good.UID)), good.UID+1)
	refused("another user's storage")
	d.token = good
	w.pass(61 * time.Minute)
	refused("an expired token")
	d.must("GET", "/info/collections", "") // which an expired one still may
	d.renew()
	d.must("PUT", "/storage/forms/x", `{"payload":""}`)
	w.pass(-2 * 365 * 24 * time.Hour)
	r := httptest.NewRequest("GET", d.token.Endpoint+"/info/collections", nil)
	hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, w.clock().Add(53*7*24*time.Hour).Unix(), "n", "")
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("a clock more than a year off: %d", rec.Code)
	}
}

// A deleted account gets no token, and its storage is removed when the last one
// has expired.
func TestDeletedAccount(t *testing.T) {
	w := newWorld(t, nil)
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
	purge := func() {
		t.Helper()
		if err := w.server.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	purge()
	if files() == "" {
		t.Error("the storage went while a token for it was good")
	}
	w.pass(time.Hour + time.Second)
	purge()
	if left := files(); left != "" {
		t.Errorf("the storage is still there: %s", left)
	}
	purge()
}

// destroyAccount deletes the account, as its page would.
func (w *world) destroyAccount() {
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
	w := newWorld(t, nil)
	d := w.device(true)
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	w.destroyAccount()
	w.pass(2 * time.Hour)
	w.ticks <- w.clock()
	w.ticks <- w.clock() // taken only when the first is done
	if _, err := os.Stat(filepath.Join(w.cfg.Dir, "storage", fmt.Sprint(d.token.UID)+".sqlite")); err == nil {
		t.Error("the storage is still there")
	}
	if strings.Contains(w.log.String(), "purge failed") {
		t.Error(w.log.String())
	}
}

func TestMeta(t *testing.T) {
	w := newWorld(t, nil)
	get := func(path string) (int, string) {
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, httptest.NewRequest("GET", root+path, nil))
		return rec.Code, rec.Body.String()
	}
	if code, body := get("/__heartbeat__"); code != 200 || body != `{"accounts":"Ok","tokens":"Ok","version":"1.2.3"}` {
		t.Errorf("heartbeat: %d %s", code, body)
	}
	if code, _ := get("/__lbheartbeat__"); code != 200 {
		t.Errorf("lbheartbeat: %d", code)
	}
	if code, body := get("/__version__"); code != 200 || !strings.Contains(body, "1.2.3") {
		t.Errorf("version: %d %s", code, body)
	}
	if code, _ := get("/nowhere"); code != 404 {
		t.Errorf("nowhere: %d", code)
	}
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, body := get("/__heartbeat__"); code != 503 || !strings.Contains(body, "Err") {
		t.Errorf("heartbeat of a closed server: %d %s", code, body)
	}
}

// The data folder is for one server, and for its owner's eyes.
func TestDataFolder(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := server.New(t.Context(), w.cfg); !errors.Is(err, dirlock.ErrLocked) {
		t.Errorf("a second server: %v, want ErrLocked", err)
	}
	w.device(true)
	err := filepath.WalkDir(w.cfg.Dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(w.cfg.Dir, "token-secret")
	if err := os.WriteFile(secret, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := server.New(t.Context(), w.cfg); err == nil || !strings.Contains(err.Error(), secret) {
		t.Errorf("a damaged secret: %v", err)
	}
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	w.open() // the failed one let go of the folder
}

func TestPublicURL(t *testing.T) {
	for _, bad := range []string{"", "sync.example.org", "ftp://x", "https://x/path", "https://x?q", "https://u:p@x"} {
		if _, err := server.New(t.Context(), server.Config{Dir: t.TempDir(), PublicURL: bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Behind a proxy, tries are counted by the address that the proxy tells, and
// nobody else's word is taken for it.
func TestProxies(t *testing.T) {
	w := newWorld(t, func(c *server.Config) {
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c.SignIn = accounts.Limits{PerAddress: 1}
	})
	try := func(peer, forwarded string) int {
		t.Helper()
		r := httptest.NewRequest("POST", root+"/auth/v1/account/credentials/status", strings.NewReader(`{"email":"a@b"}`))
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", forwarded)
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, r)
		return rec.Code
	}
	for _, step := range []struct {
		peer, forwarded string
		want            int
	}{
		{"10.0.0.1:5", "192.0.2.1", 200},
		{"10.0.0.1:5", "192.0.2.1", 429},
		{"10.0.0.1:5", "192.0.2.2, 10.0.0.9", 200},
		{"10.0.0.1:5", "198.51.100.7, 192.0.2.2", 429}, // the client wrote the first one
		{"203.0.113.1:5", "192.0.2.3", 200},
		{"203.0.113.1:5", "192.0.2.4", 429}, // no proxy of ours
	} {
		if got := try(step.peer, step.forwarded); got != step.want {
			t.Errorf("from %s for %q: %d, want %d", step.peer, step.forwarded, got, step.want)
		}
	}
}

// A stop finishes the request in flight and refuses later ones.
func TestOrderlyStop(t *testing.T) {
	w := newWorld(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(ctx, l) }()

	// A request whose body comes in two parts, the second after the stop.
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"email":"nobody@example.org"}`
	fmt.Fprintf(conn, "POST /auth/v1/account/credentials/status HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	read := make([]byte, 1024)
	n, err := conn.Read(read) // the handler is reading: it is in flight
	if err != nil || !strings.HasPrefix(string(read[:n]), "HTTP/1.1 100") {
		t.Fatalf("%q, %v", read[:n], err)
	}
	stop()
	for {
		late, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break // the listener is closed
		}
		late.Close()
	}
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	n, err = conn.Read(read)
	if err != nil || !strings.HasPrefix(string(read[:n]), "HTTP/1.1 200") {
		t.Errorf("the request in flight: %q, %v", read[:n], err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestServeFails(t *testing.T) {
	w := newWorld(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := w.server.Serve(t.Context(), l); err == nil {
		t.Error("no error from a closed listener")
	}
}

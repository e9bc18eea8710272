// Package testenv is a whole environment in one process: the server with its three services, a
// clock, a network that a test can break, and devices, each a manager with engines on its own
// files.
package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// cheapCost makes passwords cheap to hash: 2^4.
const cheapCost = 4

// Env is a server and the way to reach it.
type Env struct {
	T testing.TB
	// URL is the server's root.
	URL    string
	Server *server.Server
	// Dir is the server's data folder.
	Dir   string
	Clock *Clock
	// Net is the way to the server.
	Net *Net

	// database is the PostgreSQL database that the server uses; "": it uses Dir.
	database string
	accounts map[string]bool
	inproc   bool // its server has no socket
	change   []func(*server.Config)
}

// New makes an environment without sockets, on a clock that moves only when the test moves it.
// Each change edits the server's configuration.
func New(t testing.TB, change ...func(*server.Config)) *Env {
	t.Helper()
	return within(t, &Clock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}, change...)
}

// InBubble makes an environment without sockets on the clock of a synctest bubble, where
// timers go off.
func InBubble(t testing.TB) *Env {
	t.Helper()
	return within(t, &Clock{real: true})
}

func within(t testing.TB, clock *Clock, change ...func(*server.Config)) *Env {
	t.Helper()
	w := &Env{T: t, URL: "http://sync.test", Clock: clock, accounts: map[string]bool{}, change: change}
	w.Net = &Net{}
	w.inproc = true
	if !clock.real { // what a bubble waits for is not in another process
		w.database = pgtest.IfChosen(t)
	}
	w.open(filepath.Join(t.TempDir(), "server"))
	return w
}

// Listen makes an environment that real programs reach over loopback, on the real clock.
func Listen(t testing.TB) *Env {
	t.Helper()
	return serve(t, pgtest.IfChosen(t))
}

// ListenOnFiles is Listen for a test of the server's files, whatever database the tests run on.
func ListenOnFiles(t testing.TB) *Env {
	t.Helper()
	return serve(t, "")
}

func serve(t testing.TB, database string) *Env {
	t.Helper()
	w, l := listen(t, database)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Server.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server stopped with %v", err)
		}
	})
	return w
}

// ListenThrough is Listen with the test's own handler before the server's.
func ListenThrough(t testing.TB, wrap func(http.Handler) http.Handler) *Env {
	t.Helper()
	w, l := listen(t, pgtest.IfChosen(t))
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: wrap(w.Server.Handler())}}
	s.Start()
	t.Cleanup(s.Close)
	return w
}

func listen(t testing.TB, database string) (*Env, net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Env{T: t, URL: "http://" + l.Addr().String(), Clock: &Clock{real: true}, accounts: map[string]bool{}}
	w.database = database
	w.open(filepath.Join(t.TempDir(), "server"))
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	w.Net = &Net{base: transport}
	return w, l
}

func (w *Env) open(dir string) {
	w.T.Helper()
	cfg := server.Config{
		Database: w.database, Dir: dir, PublicURL: w.URL, Now: w.Clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), PasswordCost: cheapCost,
		// A stopped clock does not send ticks: tests purge explicitly.
		PurgeTicks: make(chan time.Time),
	}
	for _, f := range w.change {
		f(&cfg)
	}
	s, err := server.New(w.T.Context(), cfg)
	if err != nil {
		w.T.Fatal(err)
	}
	w.Server, w.Dir = s, dir
	if w.inproc {
		w.Net.serve(inproc.New(s.Handler()))
	}
	w.T.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			w.T.Errorf("closing the server: %v", err)
		}
	})
}

// Restart closes the server, runs between, and opens another one on the folder.
// In an environment of ListenThrough the test replaces the handler; one of Listen cannot.
func (w *Env) Restart(between func()) {
	w.T.Helper()
	if err := w.Server.Close(w.T.Context()); err != nil {
		w.T.Fatalf("closing the server: %v", err)
	}
	between()
	w.open(w.Dir)
}

// Client returns a client of the environment's accounts server; change, if not nil, edits its
// configuration.
func (w *Env) Client(change ...func(*account.Config)) *account.Client {
	w.T.Helper()
	cfg := account.Config{Server: w.URL, Transport: w.Net, Now: w.Clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&cfg)
	}
	c, err := account.New(cfg)
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// Password is the password of every account.
const Password = "correct horse battery staple"

// SignIn signs in to the account, and creates it first if it does not exist.
func (w *Env) SignIn(email string) *account.Account {
	w.T.Helper()
	c := w.Client()
	sign := c.Login
	if !w.accounts[email] {
		sign = c.CreateAccount
	}
	a, err := sign(w.T.Context(), email, Password)
	if errors.Is(err, account.ErrExists) { // made by somebody else, on the server's pages
		a, err = c.Login(w.T.Context(), email, Password)
	}
	if err != nil {
		w.T.Fatalf("sign in as %s: %v", email, err)
	}
	w.accounts[email] = true
	return a
}

// Clock is the clock of all parts of an environment.
type Clock struct {
	mu    sync.Mutex
	now   time.Time
	real  bool
	ahead time.Duration // of the real time
}

// Now returns the current time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real {
		return time.Now().Add(c.ahead)
	}
	return c.now
}

// Pass moves the clock.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.ahead += d
}

// Net carries requests, and lets a test answer in the server's place.
type Net struct {
	base http.RoundTripper

	mu     sync.Mutex
	before func(*http.Request) (*http.Response, error)
	asked  []string
}

func (n *Net) serve(base http.RoundTripper) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.base = base
}

// Before sets a function that receives each request first. If it returns an answer or an error,
// the request does not reach the server. Nil removes it.
func (n *Net) Before(f func(*http.Request) (*http.Response, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.before = f
}

// Asked lists the requests since the last call, as "GET /path".
func (n *Net) Asked() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.asked
	n.asked = nil
	return list
}

// RoundTrip carries one request.
func (n *Net) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.asked = append(n.asked, r.Method+" "+r.URL.Path)
	before, base := n.before, n.base
	n.mu.Unlock()
	if before != nil {
		if resp, err := before(r); resp != nil || err != nil {
			return resp, err
		}
	}
	return base.RoundTrip(r)
}

// Answer returns a response for [Net.Before].
func Answer(r *http.Request, code int, contentType, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {contentType}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

package pairing_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/pairing"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/server"
)

const (
	email    = "andré@example.org"
	password = "pässwörd"
)

// env is a server on a port of this computer.
type env struct {
	t    *testing.T
	root string
	log  safeLog
}

// safeLog is what the server logged.
type safeLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *safeLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newEnv(t *testing.T) *env {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, root: "http://" + l.Addr().String()}
	s, err := server.New(t.Context(), server.Config{
		Dir: t.TempDir(), PublicURL: e.root, Now: time.Now, Rand: rand.Reader, PasswordCost: 4,
		Log: slog.New(slog.NewTextHandler(&e.log, &slog.HandlerOptions{Level: slog.LevelDebug})), PurgeTicks: make(chan time.Time),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, s.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return e
}

// config is that of a device's client.
func (e *env) config(program string) account.Config {
	transport := &http.Transport{}
	e.t.Cleanup(transport.CloseIdleConnections)
	return account.Config{
		Server: e.root, Transport: transport, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), UserAgent: program,
	}
}

// create makes an account, and returns its first device.
func (e *env) create() *account.Account {
	e.t.Helper()
	c, err := account.New(e.config("Old/1"))
	if err != nil {
		e.t.Fatal(err)
	}
	a, err := c.CreateAccount(e.t.Context(), email, password)
	if err != nil {
		e.t.Fatal(err)
	}
	return a
}

func (e *env) show(a *account.Account) *pairing.Authority {
	e.t.Helper()
	p, err := pairing.Show(e.t.Context(), e.config("Old/1"), a, "Ann's laptop")
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

// met is a pairing in which both sides have seen each other.
type met struct {
	authority  *pairing.Authority
	supplicant *pairing.Supplicant
	peer       pairing.Peer // of the authority
}

func (e *env) meet(a *account.Account) met {
	e.t.Helper()
	m := met{authority: e.show(a)}
	type joined struct {
		p   *pairing.Supplicant
		err error
	}
	done := make(chan joined, 1)
	go func() {
		p, err := pairing.Join(e.t.Context(), e.config("New/2"), " "+m.authority.URL+"\n")
		done <- joined{p, err}
	}()
	var err error
	if m.peer, err = m.authority.Wait(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
	j := <-done
	if j.err != nil {
		e.t.Fatal(j.err)
	}
	m.supplicant = j.p
	e.t.Cleanup(func() { j.p.Close(context.Background()) })
	return m
}

// allow confirms at the authority, in the background.
func (e *env) allow(p *pairing.Authority) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Allow(e.t.Context()) }()
	return done
}

// A device joins an account: it has the key of sync, and a session of its own.
func TestPairing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.create()
	m := e.meet(a)
	if m.peer != (pairing.Peer{UserAgent: "New/2", Address: "127.0.0.1"}) {
		t.Errorf("the authority sees %+v", m.peer)
	}
	if m.supplicant.Peer != (pairing.Peer{Email: email, DeviceName: "Ann's laptop", UserAgent: "Old/1", Address: "127.0.0.1"}) {
		t.Errorf("the supplicant sees %+v", m.supplicant.Peer)
	}
	allowed := e.allow(m.authority)
	b, err := m.supplicant.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := <-allowed; err != nil {
		t.Error(err)
	}
	old, joined := a.Session(), b.Session()
	if joined.Email != email || joined.UID != old.UID || joined.KeyID != old.KeyID || !bytes.Equal(joined.Key, old.Key) || joined.Token == old.Token {
		t.Errorf("%v joined as %v", old, joined)
	}
	// It stays when the other device signs out.
	if err := a.SignOut(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := b.AccessToken(t.Context(), false); err != nil {
		t.Error(err)
	}
	if err := b.RegisterDevice(t.Context(), "phone", "mobile"); err != nil {
		t.Error(err)
	}
	// The server has seen neither the channel's key nor the account's.
	_, key, _ := strings.Cut(m.authority.URL, "channel_key=")
	if log := e.log.String(); !strings.Contains(log, "/v1/ws/") || strings.Contains(log, key) {
		t.Error("the log has the channel's key, or nothing of the pairing")
	}
	// A code is good once.
	if _, err := pairing.Join(t.Context(), e.config(""), m.authority.URL); !errors.Is(err, pairing.ErrGone) {
		t.Errorf("again: %v", err)
	}
}

// Neither side's confirmation is enough.
func TestBothConfirm(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.create()
	devices := func() int {
		list, err := a.AttachedClients(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := devices()

	m := e.meet(a)
	m.authority.Close(t.Context())
	if _, err := m.supplicant.Accept(t.Context()); !errors.Is(err, pairing.ErrEnded) {
		t.Errorf("the authority declined: %v", err)
	}

	m = e.meet(a)
	allowed := e.allow(m.authority)
	m.supplicant.Close(t.Context())
	if err := <-allowed; !errors.Is(err, pairing.ErrEnded) {
		t.Errorf("the supplicant declined: %v", err)
	}

	p := e.show(a)
	if err := p.Allow(t.Context()); err == nil {
		t.Error("it allows without a device that asked")
	}
	if n := devices(); n != before {
		t.Errorf("%d became %d", before, n)
	}
}

// A third device that saw the code too is not let into the channel.
func TestSecondReader(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.create()
	m := e.meet(a)
	if _, err := pairing.Join(t.Context(), e.config(""), m.authority.URL); !errors.Is(err, pairing.ErrGone) {
		t.Errorf("a second reader: %v", err)
	}
	allowed := e.allow(m.authority)
	if _, err := m.supplicant.Accept(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-allowed; err != nil {
		t.Error(err)
	}
}

// A device without the channel's key, such as the relay itself, does not get further.
func TestOtherKey(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p := e.show(e.create())
	address := p.URL[:len(p.URL)-43] + strings.Repeat("A", 43)
	joined := make(chan error, 1)
	go func() {
		_, err := pairing.Join(t.Context(), e.config(""), address)
		joined <- err
	}()
	if _, err := p.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "the same pairing key") {
		t.Errorf("the authority: %v", err)
	}
	if err := <-joined; err == nil || !strings.Contains(err.Error(), "the same pairing key") {
		t.Errorf("the supplicant: %v", err)
	}
}

// A device that names another account than its own is found out, and the session is ended.
func TestOtherAccount(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	a := e.create()
	s := a.Session()
	s.Email = "bob@example.org"
	c, err := account.New(e.config("Old/1"))
	if err != nil {
		t.Fatal(err)
	}
	m := e.meet(c.Resume(s))
	allowed := e.allow(m.authority)
	if _, err := m.supplicant.Accept(t.Context()); !errors.Is(err, account.ErrOtherAccount) {
		t.Errorf("%v", err)
	}
	if err := <-allowed; err != nil {
		t.Error(err)
	}
	list, err := a.AttachedClients(t.Context())
	if err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	const key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, text := range []string{
		"", "::", "https://sync.test/pair", "https://sync.test/pair#channel_id=x", "https://sync.test/pair#channel_id=x&channel_key=AAAA",
		"https://sync.test/other#channel_id=x&channel_key=" + key, "ftp://sync.test/pair#channel_id=x&channel_key=" + key,
		"https://u:p@sync.test/pair#channel_id=x&channel_key=" + key, "https://sync.test/pair#channel_id=../x&channel_key=" + key,
		"https://sync.test/pair#channel_id=%2e%2e&channel_key=" + key, "https://sync.test/pair#channel_key=" + key,
		"https://sync.test/pair?x#channel_id=x&channel_key=" + key, "/pair#channel_id=x&channel_key=" + key,
		"https://sync.test/pair#channel_id=" + strings.Repeat("x", 65) + "&channel_key=" + key,
	} {
		if got, err := pairing.Server(text); !errors.Is(err, pairing.ErrURL) {
			t.Errorf("%q is of %q, %v", text, got, err)
		}
	}
	good := "https://sync.test/my/sync/pair#channel_id=a-_9&channel_key=" + key
	if got, err := pairing.Server(good); err != nil || got != "https://sync.test/my/sync" {
		t.Errorf("%q, %v", got, err)
	}
	_, err := pairing.Join(t.Context(), account.Config{Server: "https://other.test"}, good)
	if !errors.Is(err, pairing.ErrURL) || !strings.Contains(err.Error(), "it is of https://sync.test/my/sync") {
		t.Errorf("another server: %v", err)
	}
}

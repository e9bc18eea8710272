package account_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/onepw"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

const (
	root     = "http://sync.test"
	email    = "andré@example.org"
	password = "pässwörd"
)

// env is a server and a clock.
type env struct {
	t      *testing.T
	server *server.Server
	log    bytes.Buffer
	*testclock.Clock
}

func newEnv(t *testing.T, change func(*server.Config)) *env {
	t.Helper()
	w := &env{t: t, Clock: testclock.At(time.Unix(1_795_372_558, 0))}
	cfg := server.Config{
		Dir: t.TempDir(), PublicURL: root, Now: w.Now, Rand: rand.Reader, PasswordCost: 4,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), PurgeTicks: make(chan time.Time),
	}
	if change != nil {
		change(&cfg)
	}
	s, err := server.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w.server = s
	return w
}

// client returns the accounts client of another device.
func (w *env) client(change func(*account.Config)) *account.Client {
	w.t.Helper()
	cfg := account.Config{
		Server: root, Transport: inproc.New(w.server.Handler()), Now: w.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	c, err := account.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *env) create() *account.Account {
	w.t.Helper()
	a, err := w.client(nil).CreateAccount(w.t.Context(), email, password)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *env) login() *account.Account {
	w.t.Helper()
	a, err := w.client(nil).Login(w.t.Context(), email, password)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// Two devices of one account have the same key.
func TestTwoDevicesShareTheKey(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	b := w.login()
	kidA, keyA, err := a.SyncKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kidB, keyB, err := b.SyncKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if kidA != kidB || !bytes.Equal(keyA, keyB) || len(keyA) != 64 {
		t.Errorf("kids %s and %s, keys equal: %v", kidA, kidB, bytes.Equal(keyA, keyB))
	}
	if a.TokenServer() != root+"/token" {
		t.Errorf("token server: %s", a.TokenServer())
	}
	if _, err := w.client(nil).CreateAccount(t.Context(), strings.ToUpper(email), "x"); !errors.Is(err, account.ErrExists) {
		t.Errorf("a second account with the address: %v, want ErrExists", err)
	}
}

func TestWrongPasswordAndUnknownAccountLookTheSame(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.create()
	_, wrong := w.client(nil).Login(t.Context(), email, "wrong")
	_, unknown := w.client(nil).Login(t.Context(), "nobody@example.org", "wrong")
	if !errors.Is(wrong, account.ErrWrongPassword) || !errors.Is(unknown, account.ErrWrongPassword) || wrong.Error() != unknown.Error() {
		t.Errorf("wrong password: %v\nunknown account: %v", wrong, unknown)
	}
}

// An account that knows only version 1 of the stretching, as Firefox's own code
// makes it, with another spelling of the address.
func TestVersion1Account(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	stretched := onepw.StretchV1("Bob@Example.org", password)
	body := fmt.Sprintf(`{"email":"Bob@Example.org","authPW":"%x"}`, stretched.AuthPW)
	r, _ := http.NewRequestWithContext(t.Context(), "POST", root+"/auth/v1/account/create", strings.NewReader(body))
	res, err := inproc.New(w.server.Handler()).RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", res, err)
	}
	a, err := w.client(nil).Login(t.Context(), "Bob@Example.org", password)
	if err != nil {
		t.Fatal(err)
	}
	if s := a.Session(); s.Email != "Bob@Example.org" {
		t.Errorf("the address is %s", s.Email)
	}
	// The server does not reveal the spelling of the address, which is the salt.
	if _, err := w.client(nil).Login(t.Context(), "bob@example.org", password); !errors.Is(err, account.ErrWrongPassword) {
		t.Errorf("another spelling: %v", err)
	}
	if _, err := w.client(nil).Login(t.Context(), "Bob@Example.org", "wrong"); !errors.Is(err, account.ErrWrongPassword) {
		t.Errorf("wrong password: %v", err)
	}
}

func TestSignUpClosed(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) { c.SignUp = accounts.SignUpClosed })
	if _, err := w.client(nil).CreateAccount(t.Context(), email, password); !errors.Is(err, account.ErrSignUpClosed) {
		t.Errorf("%v, want ErrSignUpClosed", err)
	}
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) { c.SignUp = accounts.SignUpInvite })
	if _, err := w.client(nil).CreateAccount(t.Context(), email, password); !errors.Is(err, account.ErrSignUpClosed) {
		t.Errorf("without one: %v", err)
	}
	code, _, err := w.server.Invite(t.Context(), "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := w.client(func(c *account.Config) { c.Invitation = code })
	if _, err := c.CreateAccount(t.Context(), email, password); err != nil {
		t.Error(err)
	}
}

// The access token is kept with the session: a new process makes no request.
func TestAccessTokenIsKept(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	var saved account.Session
	c := w.client(func(c *account.Config) {
		c.Save = func(s account.Session) error { saved = s; return nil }
	})
	a, err := c.CreateAccount(t.Context(), email, password)
	if err != nil {
		t.Fatal(err)
	}
	first, err := a.AccessToken(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(saved)
	if err != nil {
		t.Fatal(err)
	}
	var s account.Session
	if err := json.Unmarshal(stored, &s); err != nil {
		t.Fatal(err)
	}
	again := w.client(nil).Resume(s)
	if second, err := again.AccessToken(t.Context(), false); err != nil || second != first || again.Requests() != 0 {
		t.Errorf("the same token: %v, after %d requests, %v", second == first, again.Requests(), err)
	}
	if third, err := again.AccessToken(t.Context(), true); err != nil || third == first || again.Requests() != 1 {
		t.Errorf("a fresh one is the old one: %v, after %d requests, %v", third == first, again.Requests(), err)
	}
	w.Pass(7 * time.Hour)
	if _, err := again.AccessToken(t.Context(), false); err != nil || again.Requests() != 2 {
		t.Errorf("an expired one: %d requests, %v", again.Requests(), err)
	}
}

// Engines that need a token at once cause one request.
func TestAccessTokenAtOnce(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	before := a.Requests()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := a.AccessToken(t.Context(), false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := a.Requests() - before; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestSaveFails(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	full := errors.New("disk full")
	c := w.client(func(c *account.Config) { c.Save = func(account.Session) error { return full } })
	if _, err := c.CreateAccount(t.Context(), email, password); !errors.Is(err, full) {
		t.Errorf("%v, want the error of Save", err)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b := w.create(), w.login()
	for _, d := range []struct {
		*account.Account
		name string
	}{{a, "desk"}, {b, "lap"}} {
		if err := d.RegisterDevice(t.Context(), d.name, "desktop"); err != nil {
			t.Fatal(err)
		}
	}
	id := a.DeviceID()
	if err := a.RenameDevice(t.Context(), "table"); err != nil {
		t.Fatal(err)
	}
	list, err := b.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Name != "table" || list[0].ID != id || list[0].Current || list[1].Name != "lap" || !list[1].Current ||
		list[0].Type != "desktop" || !list[0].LastSeen.Equal(w.Now().UTC()) {
		t.Errorf("devices: %+v", list)
	}
	if a.DeviceID() != id {
		t.Error("a new name is a new device")
	}
	if err := a.Notify(t.Context(), []string{"clients"}); err != nil {
		t.Error(err)
	}
	if err := a.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ids, err := b.DeviceIDs(t.Context()); err != nil || len(ids) != 1 || ids[0] != b.DeviceID() {
		t.Errorf("after signing out: %v, %v", ids, err)
	}
	if err := a.SignOut(t.Context()); err != nil {
		t.Errorf("signing out twice: %v", err)
	}
	_, err = a.AccessToken(t.Context(), true)
	again, ok := errors.AsType[interface {
		error
		SignInAgain() bool
	}](err)
	if !ok || !again.SignInAgain() || !errors.Is(err, account.ErrSignedOut) {
		t.Errorf("after signing out: %v, want an error that says to sign in again", err)
	}
}

// All credentials of a device are invalid after it signed out.
func TestSignOutRevokes(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	access, err := a.AccessToken(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	verify := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, root+"/oauth/v1/verify", strings.NewReader(fmt.Sprintf(`{"token":%q}`, access)))
		if err != nil {
			t.Fatal(err)
		}
		res, err := inproc.New(w.server.Handler()).RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	if code := verify(); code != http.StatusOK {
		t.Fatalf("before: %d", code)
	}
	if err := a.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := verify(); code == http.StatusOK {
		t.Error("the access token is still good")
	}
}

func TestAttachedClientsAndDisconnect(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b, to := two(t, w)
	page := w.client(func(c *account.Config) { c.UserAgent = "Browser/1.0" })
	if _, err := page.Login(t.Context(), email, password); err != nil {
		t.Fatal(err)
	}
	list, err := a.AttachedClients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]account.AttachedClient{}
	for _, c := range list {
		byName[c.Name] = c
	}
	if len(list) != 3 || !byName["desk"].Current || byName["lap"].Current || byName["lap"].DeviceID != b.DeviceID() ||
		byName["Browser/1.0"].DeviceID != "" || !byName["Browser/1.0"].CreatedAt.Equal(w.Now()) || byName["Browser/1.0"].LastSeen.IsZero() {
		t.Errorf("attached: %+v", list)
	}
	if err := a.Disconnect(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Devices(t.Context()); !errors.Is(err, account.ErrSignedOut) {
		t.Errorf("the device that was signed out: %v", err)
	}
}

// A device whose registration was lost registers again under its ID.
func TestDeviceIsFoundAgain(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	if err := a.RegisterDevice(t.Context(), "desk", "desktop"); err != nil {
		t.Fatal(err)
	}
	forgetful := a.Session()
	forgetful.Kept().DeviceID = ""
	b := w.client(nil).Resume(forgetful)
	if err := b.RegisterDevice(t.Context(), "desk", "desktop"); err != nil || b.DeviceID() != a.DeviceID() {
		t.Errorf("%q and %q, %v", a.DeviceID(), b.DeviceID(), err)
	}
	mistaken := a.Session()
	mistaken.Kept().DeviceID = strings.Repeat("ab", 16)
	c := w.client(nil).Resume(mistaken)
	if err := c.RegisterDevice(t.Context(), "desk", "desktop"); err != nil || c.DeviceID() != a.DeviceID() {
		t.Errorf("%q and %q, %v", a.DeviceID(), c.DeviceID(), err)
	}
	fresh := w.login().Session()
	fresh.Kept().DeviceID = strings.Repeat("cd", 16)
	d := w.client(nil).Resume(fresh)
	if err := d.RegisterDevice(t.Context(), "lap", "desktop"); err != nil || d.DeviceID() == fresh.Kept().DeviceID || d.DeviceID() == a.DeviceID() {
		t.Errorf("%q, %v", d.DeviceID(), err)
	}
}

// A clock that is off by days is corrected with the server's time.
func TestClockIsOff(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.create()
	c := w.client(func(c *account.Config) {
		c.Now = func() time.Time { return w.Now().Add(-72 * time.Hour) }
	})
	a, err := c.Login(t.Context(), email, password)
	if err != nil {
		t.Fatal(err)
	}
	before := c.Requests()
	if _, err := a.AccessToken(t.Context(), false); err != nil || c.Requests() != before+1 {
		t.Errorf("%d requests, %v", c.Requests()-before, err)
	}
}

func TestTooManyTries(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) { c.SignIn.PerAccount = 3 })
	w.create()
	for range 3 {
		if _, err := w.client(nil).Login(t.Context(), email, "wrong"); !errors.Is(err, account.ErrWrongPassword) {
			t.Fatal(err)
		}
	}
	_, err := w.client(nil).Login(t.Context(), email, password)
	wait, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err)
	if !errors.Is(err, account.ErrTooMany) || !ok || wait.RetryAfter() != 15*time.Minute {
		t.Fatalf("the right password after three wrong ones: %v", err)
	}
	w.Pass(15 * time.Minute)
	w.login()
}

// Nothing secret is in the server's log or in what a session prints.
func TestNoSecretIsShown(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	access, err := a.AccessToken(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session()
	shown := w.log.String() + fmt.Sprintf("%v %+v %#v %s", s, s, s, s)
	if !strings.Contains(shown, "/auth/v1/account/create") {
		t.Error("the request is not in the log")
	}
	for name, secret := range map[string]string{
		"password": password, "session token": s.Token, "access token": access, "key": fmt.Sprintf("%x", s.Key), "key as numbers": fmt.Sprint(s.Key), //nolint:staticcheck // its numbers, not its text
	} {
		if strings.Contains(shown, secret) {
			t.Errorf("the %s is shown", name)
		}
	}
}

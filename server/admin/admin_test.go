package admin_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/admin"
)

const email = "alice@example.org"

// running is a server with an admin socket, and a client of it.
func running(t *testing.T, dir string) (*server.Server, *admin.Client) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	s, err := server.New(t.Context(), server.Config{
		Dir: dir, PublicURL: "http://sync.test", Now: time.Now, Rand: rand.Reader, Log: quiet, PasswordCost: 4,
		PurgeTicks: make(chan time.Time), Quota: 1000,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	l := listen(t, dir)
	h := &http.Server{Handler: admin.Handler(s, quiet)}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	t.Cleanup(func() {
		h.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	c, err := admin.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func listen(t *testing.T, dir string) net.Listener {
	t.Helper()
	l, err := admin.Listen(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// The socket gives the same results and errors as the server's own process.
func TestOrders(t *testing.T) {
	_, c := running(t, t.TempDir())
	ctx := t.Context()
	by, err := onepw.NewCredentials(email, "correct horse", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	u, err := c.AddUser(ctx, email, accounts.Credentials(by))
	if err != nil || u.Email != email || len(u.UID) != 32 {
		t.Fatalf("added %+v, %v", u, err)
	}
	if _, err := c.AddUser(ctx, email, accounts.Credentials(by)); !errors.Is(err, server.ErrUserExists) || !strings.Contains(err.Error(), email) {
		t.Errorf("added twice: %v", err)
	}
	if _, err := c.AddUser(ctx, "bob@example.org", accounts.Credentials{AuthPW: "00"}); err == nil {
		t.Error("added without a password")
	}
	for _, who := range []string{email, strings.ToUpper(email), u.UID} {
		if err := c.SetDisabled(ctx, who, true); err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
	only := func() server.User {
		t.Helper()
		all, err := c.Users(ctx)
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		return all[0]
	}
	if got := only(); !got.Disabled || got.Quota != 1000 || !got.Created.Equal(u.Created) || !got.Seen.IsZero() {
		t.Errorf("listed %+v", got)
	}
	quota := int64(5)
	for want, set := range map[int64]*int64{5: &quota, 1000: nil} {
		if err := c.SetQuota(ctx, email, set); err != nil {
			t.Fatal(err)
		}
		if got := only(); got.Quota != want || !got.Disabled {
			t.Errorf("%+v, want the quota %d", got, want)
		}
	}
	if err := c.SetDisabled(ctx, email, false); err != nil || only().Disabled {
		t.Errorf("enabled: %v", err)
	}
	code, expires, err := c.Invite(ctx, "for Bob", time.Hour)
	if err != nil || len(code) != 19 || time.Until(expires) > time.Hour {
		t.Errorf("invited with %s until %v, %v", code, expires, err)
	}
	if err := c.RemoveUser(ctx, email); err != nil {
		t.Error(err)
	}
	if err := c.RemoveUser(ctx, email); !errors.Is(err, server.ErrNoUser) {
		t.Errorf("removed twice: %v", err)
	}
	if all, err := c.Users(ctx); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// The socket is accessible to its owner only, works in deep folders, and is removed with the
// server or by the next one.
func TestSocket(t *testing.T) {
	deep := t.TempDir()
	if runtime.GOOS == "linux" {
		deep = filepath.Join(deep, strings.Repeat("d/", 80))
	}
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Dial(t.Context(), deep); !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("nobody there: %v", err)
	}
	l := listen(t, deep)
	path := filepath.Join(deep, "admin.sock")
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	if _, err := admin.Dial(t.Context(), deep); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there")
	}
	// One that a killed server left.
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Dial(t.Context(), deep); !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("an old socket: %v", err)
	}
	next := listen(t, deep)
	if err := l.Close(); err != nil { // a second time, late
		t.Error(err)
	}
	if _, err := admin.Dial(t.Context(), deep); err != nil {
		t.Errorf("the next server: %v", err)
	}
	next.Close()
}

func TestStrangers(t *testing.T) {
	h := admin.Handler(nil, slog.New(slog.DiscardHandler))
	c := admin.NewClient(roundTrip(func(r *http.Request) *http.Response {
		return &http.Response{StatusCode: 404, Status: "404 Not Found", Body: io.NopCloser(strings.NewReader("what?"))}
	}))
	if _, err := c.Users(t.Context()); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("an answer that is none: %v", err)
	}
	rec := httptest.NewRecorder()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://admin/users", strings.NewReader(`"`+strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(rec, r)
	if rec.Code != 400 {
		t.Errorf("a megabyte that is no JSON: %d", rec.Code)
	}
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

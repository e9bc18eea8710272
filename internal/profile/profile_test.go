package profile_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func config(dir string) profile.Config {
	return profile.Config{
		Dir: dir, Hostname: "test", Version: "0", Now: time.Now, Rand: rand.Reader,
		Transport: noNetwork{}, Log: slog.New(slog.DiscardHandler),
	}
}

// noNetwork fails a test that asks it.
type noNetwork struct{}

func (noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, errors.New("a request left the process: " + r.URL.Host)
}

func open(t *testing.T, dir string) *profile.Profile {
	t.Helper()
	p, err := profile.Open(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheLocalAccountNeedsNoNetworkAndOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for run, want := range []bool{true, false} {
		p := open(t, dir)
		made, err := p.EnsureAccount(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if made != want {
			t.Errorf("run %d: made an account: %t", run, made)
		}
		m, err := p.Manager(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Sync(t.Context(), syncmanager.Options{}); err != nil {
			t.Errorf("run %d: %v", run, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestALocalServerWithoutASessionIsMadeAnew(t *testing.T) {
	t.Parallel()
	// A crash between making the account and keeping its session leaves a server
	// that nobody can sign in to.
	dir := t.TempDir()
	p := open(t, dir)
	if _, err := p.EnsureAccount(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "account.sealed")); err != nil {
		t.Fatal(err)
	}
	p = open(t, dir)
	defer p.Close()
	if made, err := p.EnsureAccount(t.Context()); !made || err != nil {
		t.Errorf("made: %t, %v", made, err)
	}
}

func TestAProfileOpensOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := open(t, dir)
	if _, err := profile.Open(t.Context(), config(dir)); !errors.Is(err, profile.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Close(); err != nil {
		t.Error(err)
	}
}

func TestASyncWithoutAnAccountSaysToSignIn(t *testing.T) {
	t.Parallel()
	p := open(t, t.TempDir())
	defer p.Close()
	m, err := p.Manager(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Sync(t.Context(), syncmanager.Options{})
	var signIn interface{ SignInAgain() bool }
	if r.Status != syncmanager.StatusSignInAgain && !(errors.As(err, &signIn) && signIn.SignInAgain()) {
		t.Errorf("status %s, %v", r.Status, err)
	}
	if !strings.Contains(err.Error(), "syncmanager login") {
		t.Errorf("it does not say what to do: %v", err)
	}
}

func TestNothingLeavesTheProfileHalfWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := open(t, dir)
	defer p.Close()
	if err := p.RenameDevice(t.Context(), "Anvil"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s was left behind", e.Name())
		}
		if info, err := e.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

func TestDefaultDir(t *testing.T) {
	t.Parallel()
	env := func(pairs map[string]string) func(string) string {
		return func(name string) string { return pairs[name] }
	}
	abs := t.TempDir()
	got, err := profile.DefaultDir(env(map[string]string{"SYNCMANAGER_PROFILE": "here", "XDG_DATA_HOME": abs}))
	if got != "here" || err != nil {
		t.Errorf("named by the environment: %s, %v", got, err)
	}
	got, err = profile.DefaultDir(env(map[string]string{"XDG_DATA_HOME": abs}))
	if want := filepath.Join(abs, "syncmanager", "default"); got != want || err != nil {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	// A relative one is to be ignored, says the XDG specification.
	if _, err = profile.DefaultDir(env(map[string]string{"XDG_DATA_HOME": "relative"})); err == nil {
		t.Error("without a home folder there is no default")
	}
}

func TestGeneratedPasswords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		p, err := profile.GeneratePassword(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if len(p) != 20 || seen[p] {
			t.Errorf("length %d, seen before: %t", len(p), seen[p])
		}
		seen[p] = true
		for _, kind := range []string{"abcdefghijkmnopqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", "-_.:+=@!"} {
			if !strings.ContainsAny(p, kind) {
				t.Errorf("none of %s", kind)
			}
		}
	}
	if _, err := profile.GeneratePassword(strings.NewReader("too little")); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		t.Errorf("without randomness: %v", err)
	}
}

// TestOpenWaitsForAnotherProcess: as long as it is told to, and not longer.
func TestOpenWaitsForAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		other := open(t, dir)
		c, said := config(dir), 0
		c.Wait, c.Waiting = time.Minute, func() error { said++; return nil }
		time.AfterFunc(30*time.Second, func() {
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		})
		began := time.Now()
		p, err := profile.Open(t.Context(), c)
		if took := time.Since(began); err != nil || said == 0 || took < 30*time.Second || took > 31*time.Second {
			t.Fatalf("after %v, having said so %d times: %v", took, said, err)
		}
		began = time.Now()
		if _, err := profile.Open(t.Context(), c); !errors.Is(err, profile.ErrLocked) || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, context.Canceled)
		defer cancel()
		if _, err := profile.Open(ctx, c); !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

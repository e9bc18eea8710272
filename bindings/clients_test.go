package bindings_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/api/door"
	"github.com/syncmanager/syncmanager/bindings/internal/clients"
	"github.com/syncmanager/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/internal/test/apihome"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

func TestTheClientsAreCurrent(t *testing.T) {
	t.Parallel()
	files, err := clients.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(name); err != nil || string(got) != string(want) {
			t.Errorf("%s is not current (%v): run 'go generate ./bindings'", name, err)
		}
	}
}

// serve serves the door of a new device on a Unix socket, and returns its path. A client may call
// it as often as it likes.
func serve(t testing.TB, w *testenv.Env, name string) string {
	t.Helper()
	events := api.NewEvents(nil)
	home := apihome.New(w.Browser(name, "user@example.com"), events)
	s, err := api.New(api.Config{Home: home, Events: events, Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	h := door.Server(door.New(door.Config{Service: s, Local: &api.NoSecrets, PerSecond: 1e9}))
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		_ = s.Watch(ctx)
	}()
	go func() { _ = h.Serve(l) }()
	t.Cleanup(func() {
		cancel()
		<-watched
		_ = h.Close()
	})
	return path
}

// signedIn makes a profile that is signed in, and returns its folder.
func signedIn(t testing.TB, w *testenv.Env, name string) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	w.SignIn("user@example.com") // which makes the account
	dir := filepath.Join(t.TempDir(), name)
	p, err := profile.Open(ctx, profile.Config{
		Dir: dir, Hostname: name, Version: "test", Now: time.Now, Rand: rand.Reader,
		Transport: http.DefaultTransport, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = p.SignIn(ctx, profile.SignIn{Server: w.URL, Email: "user@example.com", Password: testenv.Password})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

package bindings_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/api/door"
	"github.com/syncmanager/syncmanager/bindings/internal/clients"
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

// serve serves the door of a new device on a Unix socket, and returns its path.
func serve(t *testing.T, w *testenv.Env, name string) string {
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
	h := door.Server(door.New(door.Config{Service: s, Local: &api.NoSecrets}))
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

// TestClientsTellTheStory runs the story of each client whose language is installed.
func TestClientsTellTheStory(t *testing.T) {
	t.Parallel()
	for _, language := range []struct {
		name, program string
		// command returns the command without the two sockets.
		command func(t *testing.T) []string
	}{
		{"Python", "python3", func(*testing.T) []string { return []string{"python3", "python/story.py", "http"} }},
		{"Node", "node", func(*testing.T) []string { return []string{"node", "node/story.js"} }},
		{"Java", "javac", compileJava},
	} {
		t.Run(language.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(language.program); err != nil {
				t.Skip(language.program + " is not installed")
			}
			w := testenv.New(t)
			command := append(language.command(t), serve(t, w, "Laptop"), serve(t, w, "Phone"))
			c := exec.CommandContext(t.Context(), command[0], command[1:]...)
			c.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			out, err := c.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "an event\n") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func compileJava(t *testing.T) []string {
	t.Helper()
	classes := t.TempDir()
	sources, err := filepath.Glob("java/src/org/syncmanager/*.java")
	if err != nil {
		t.Fatal(err)
	}
	arguments := append([]string{"-d", classes, "-Xlint:all", "-Werror", "--release", "17", "java/test/Story.java"}, sources...)
	if out, err := exec.CommandContext(t.Context(), "javac", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return []string{"java", "-cp", classes, "Story"}
}

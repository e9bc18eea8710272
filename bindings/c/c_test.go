//go:build cgo

package main_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/profile"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// build builds the library, which takes most of the time of these tests: each package is
// compiled for a shared library. It returns the library's path, in a folder of the test.
func build(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the library is tested on Linux")
	}
	path := filepath.Join(t.TempDir(), "libsyncmanager.so")
	c := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-o", path, ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// TestTheHeaderIsComplete compares the header with what the library exports.
func TestTheHeaderIsComplete(t *testing.T) {
	t.Parallel()
	header, err := os.ReadFile("syncmanager.h")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	exported := regexp.MustCompile(`(?m)^//export (\w+)$`).FindAllStringSubmatch(string(source), -1)
	if len(exported) != 5 {
		t.Errorf("%d functions are exported", len(exported))
	}
	for _, name := range exported {
		if !regexp.MustCompile(`(?m)^(char \*|void )` + name[1] + `\(`).Match(header) {
			t.Errorf("syncmanager.h does not declare %s", name[1])
		}
	}
}

func TestTheLibrary(t *testing.T) {
	library := build(t)
	t.Run("threads and mistakes", func(t *testing.T) { threads(t, library) })
	t.Run("the story in Python", func(t *testing.T) { pythonStory(t, library) })
}

// threads runs a C program that was compiled with the address sanitizer.
func threads(t *testing.T, library string) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler is installed")
	}
	program := filepath.Join(t.TempDir(), "threads")
	c := exec.CommandContext(t.Context(), cc, "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=address", "-D_GNU_SOURCE",
		"-I.", "-o", program, "testdata/threads.c", library, "-pthread", "-Wl,-rpath,"+filepath.Dir(library))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c = exec.CommandContext(t.Context(), program, filepath.Join(t.TempDir(), "profile"))
	// The sanitizer does not see where the Go runtime keeps its own memory.
	c.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0:handle_segv=0")
	if out, err := c.CombinedOutput(); err != nil || string(out) != "ok\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

// pythonStory runs the story of the Python client, on two profiles that are signed in.
func pythonStory(t *testing.T, library string) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed")
	}
	w := testenv.Listen(t)
	arguments := []string{"../python/story.py", "library", library}
	for _, name := range []string{"Laptop", "Phone"} {
		arguments = append(arguments, signedIn(t, w, name))
	}
	c := exec.CommandContext(t.Context(), "python3", arguments...)
	c.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "an event\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

// signedIn makes a profile that is signed in, and returns its folder.
func signedIn(t *testing.T, w *testenv.Env, name string) string {
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

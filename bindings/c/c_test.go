//go:build cgo

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// build builds the library as script/bindings.sh does for users. That takes most of the time of
// these tests: each package is compiled for a shared library. It returns the folder of the
// library and its header.
func build(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the library is tested on Linux")
	}
	folder := t.TempDir()
	c := exec.CommandContext(t.Context(), "sh", "../../script/bindings.sh", "library")
	c.Env = append(os.Environ(), "DIST="+folder)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
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
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler is installed")
	}
	folder := build(t)
	for _, sanitizer := range []string{"address", "thread"} {
		t.Run("threads and mistakes, with the sanitizer of "+sanitizer, func(t *testing.T) {
			out, err := start(t, cc, folder, sanitizer, "threads")
			if err != nil || out != "ok\n" {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	// What the library returns is plain memory, so the tools that look for mistakes find this one.
	t.Run("a text that is freed twice is found", func(t *testing.T) {
		out, err := start(t, cc, folder, "address", "twice")
		if err == nil || !strings.Contains(out, "attempting double-free") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// start compiles the C program with a sanitizer, runs it, and returns what it printed.
func start(t *testing.T, cc, folder, sanitizer, what string) (string, error) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "threads")
	c := exec.CommandContext(t.Context(), cc, "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize="+sanitizer, "-D_GNU_SOURCE",
		"-I", folder, "-o", program, "testdata/threads.c", filepath.Join(folder, "libsyncmanager.so"), "-pthread", "-Wl,-rpath,"+folder)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c = exec.CommandContext(t.Context(), program, what, filepath.Join(t.TempDir(), "profile"))
	// The sanitizer does not see where the Go runtime keeps its own memory.
	c.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0:handle_segv=0")
	out, err := c.CombinedOutput()
	return string(out), err
}

package examples_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestBrowser vets and tests the example that is a module of its own, with nothing from the
// network: all that it needs is needed here too, and so was downloaded before.
func TestBrowser(t *testing.T) {
	t.Parallel()
	inBrowser(t, "vet", "./...")
	inBrowser(t, "test", "-vet=off", "./...")
}

// inBrowser runs the go command in the module of the example.
func inBrowser(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = "browser"
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go %s: %v\n%s\nif go.mod is not up to date: (cd examples/browser && go mod tidy)", strings.Join(args, " "), err, out)
	}
}

// TestBrowserNeedsNoOtherModules finds modules, or versions of modules, that this module does
// not have: a machine without a network may lack them, and the examples would show another
// version than the one that is tested.
func TestBrowserNeedsNoOtherModules(t *testing.T) {
	t.Parallel()
	ours := lines(t, "../go.sum")
	theirs := lines(t, "browser/go.sum")
	for line := range theirs {
		if !ours[line] {
			t.Errorf("examples/browser/go.sum has %q, and go.sum has not: (cd examples/browser && go mod tidy)", line)
		}
	}
	if len(theirs) < 10 {
		t.Errorf("examples/browser/go.sum has %d lines only", len(theirs))
	}
}

func lines(t *testing.T, name string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		found[line] = true
	}
	return found
}

package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTheBrowserCompiles compiles the example that is a module of its own, which no ./... of this
// module builds: who changes the API learns it here. Package examples runs its tests.
func TestTheBrowserCompiles(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", ".")
	cmd.Dir = filepath.Join("..", "..", "examples", "browser")
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("examples/browser does not compile: %v\n%s\nif go.mod is not up to date: (cd examples/browser && go mod tidy)", err, out)
	}
}

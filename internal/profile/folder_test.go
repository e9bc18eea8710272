package profile

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A folder that others can write is refused, with the command that mends it.
func TestAFolderThatOthersCanWriteIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("it has no such bits")
	}
	for _, mode := range []os.FileMode{0o777, 0o770, 0o702, 0o755, 0o700} {
		dir := filepath.Join(t.TempDir(), "ann's data")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil { // past the umask
			t.Fatal(err)
		}
		err := checkFolder(dir)
		if open := mode&0o022 != 0; open != (err != nil) {
			t.Errorf("%o: %v", mode, err)
		}
		if err != nil && !strings.Contains(err.Error(), `'chmod go-w '`) && !strings.Contains(err.Error(), "chmod go-w '") {
			t.Errorf("it does not say how to mend it: %v", err)
		}
	}
}

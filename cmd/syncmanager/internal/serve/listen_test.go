package serve

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A socket file gets its mode, replaces one that a dead server left, and nothing else.
func TestListenOnASocketFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("it has no modes")
	}
	dir, err := os.MkdirTemp("", "sock") // t.TempDir's may be too long for one
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	first, err := listen(t.Context(), "unix:"+path, "660")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := listen(t.Context(), "unix:"+path, "660"); err == nil || !strings.Contains(err.Error(), "another program listens") {
		t.Errorf("while it is in use: %v", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false)
	first.Close()
	second, err := listen(t.Context(), "unix:"+path, "600")
	if err != nil {
		t.Fatalf("over a stale one: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("%v, %v", info, err)
	}
	second.Close()
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ addr, mode, want string }{
		{"unix:" + path, "660", "is not a socket"}, {"unix:", "660", "needs a path"}, {"unix:" + path, "rw", "is not a mode"}, {"unix:" + path, "7777", "is not a mode"},
	} {
		if _, err := listen(t.Context(), c.addr, c.mode); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with mode %s: %v", c.addr, c.mode, err)
		}
	}
	if b, err := os.ReadFile(path); string(b) != "mine" {
		t.Errorf("the file: %q, %v", b, err)
	}
}

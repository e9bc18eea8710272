// Package caddy runs a Caddy before servers, with the Caddyfile that they are deployed with.
package caddy

import (
	"bufio"
	"bytes"
	"cmp"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Program is the variable that names the Caddy to test with. script/caddy.sh prints it.
const Program = "SYNCMANAGER_CADDY"

// Require skips the test without Caddy.
func Require(t testing.TB) {
	t.Helper()
	if _, err := find(); err != nil {
		t.Skip("without Caddy: ", err)
	}
}

func find() (string, error) { return exec.LookPath(cmp.Or(os.Getenv(Program), "caddy")) }

// Address returns an address that nobody listens on.
func Address(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Change replaces a text of the Caddyfile, which must have it once.
type Change struct{ From, To string }

// Start runs Caddy with a Caddyfile, in which the variable SYNC_NAME is the address, until the test ends. It
// returns when Caddy serves.
func Start(t testing.TB, file, address string, changes ...Change) {
	t.Helper()
	program, err := find()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	conf := string(text)
	for _, c := range changes {
		if n := strings.Count(conf, c.From); n != 1 {
			t.Fatalf("%s has %q %d times", file, c.From, n)
		}
		conf = strings.Replace(conf, c.From, c.To, 1)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(path, []byte("{\n\tadmin off\n}\n"+conf), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, "run", "--adapter", "caddyfile", "--config", path)
	c.Env = append(os.Environ(), "SYNC_NAME=http://"+address, "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	lines := bufio.NewScanner(io.TeeReader(said, &log))
	for lines.Scan() && !strings.Contains(lines.Text(), "serving initial configuration") {
		continue
	}
	if lines.Text() == "" {
		_ = c.Wait()
		t.Fatalf("Caddy did not start: %s", &log)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(&log, said)
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-ended
		_ = c.Wait()
		if t.Failed() {
			t.Logf("Caddy said: %s", &log)
		}
	})
}

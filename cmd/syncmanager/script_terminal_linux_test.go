package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
)

// terminalPair opens a terminal: what a command writes to its end is read from ours.
func terminalPair(t *testing.T) (ours, its *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if its, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return ours, its
}

// onTerminal runs a command with a terminal as its stdout.
func onTerminal(t *testing.T, home string, args ...string) (shown string, code int) {
	t.Helper()
	ours, its := terminalPair(t)
	all := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(ours) // ends with an error when its end is closed
		all <- b
	}()
	var stderr bytes.Buffer
	getenv := func(name string) string { return map[string]string{"HOME": home}[name] }
	code = run(t.Context(), args, strings.NewReader(""), its, &stderr, getenv)
	if err := its.Close(); err != nil {
		t.Fatal(err)
	}
	return string(<-all) + stderr.String(), code
}

// TestExportsToATerminal: control characters in titles of web pages and of other devices are
// not sent to the terminal.
func TestExportsToATerminal(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "hostile.html")
	if err := os.WriteFile(file, []byte("<!DOCTYPE NETSCAPE-Bookmark-file-1><DL>\n<DT><A HREF='https://a.example/'>red&#x1B;[31m&#x202E;gnp\u009bx</A>\n</DL>"), 0o600); err != nil {
		t.Fatal(err)
	}
	logins := filepath.Join(home, "hostile.csv")
	if err := os.WriteFile(logins, []byte("url,username,password\nhttps://a.example,a\u202enn\x1b[2J,pw\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"bookmarks import " + file, "1 added", 0},
		{"passwords import " + logins, "1 added", 0},
		{"bookmarks export -", "red&#x1B;[31m&#x202E;gnp&#x9B;x", 0},
		{"bookmarks export - --format json", `red\u001b[31m\u202Egnp\u009Bx`, 0},
		{"bookmarks export - --format jsonlz4", "jsonlz4 is not for a terminal", 2},
		{"bookmarks list --json", `red\u001b[31m\u202Egnp\u009Bx`, 0},
		{"bookmarks list", "red\uFFFD[31m\uFFFDgnp\uFFFDx", 0},
		{"bookmarks tree", "red\uFFFD[31m\uFFFDgnp\uFFFDx", 0},
		{"passwords export -", `"a\u202Enn\u001B[2J"`, 0},
		{"passwords export - --format json", `a\u202Enn\u001b[2J`, 0},
		{"passwords list --json", `a\u202Enn\u001b[2J`, 0},
		{"passwords list", "a\uFFFDnn", 0},
	} {
		shown, code := onTerminal(t, home, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(shown, c.want) {
			t.Errorf("%s exits with %d and shows\n%q\nwant %d and %q", c.args, code, shown, c.code, c.want)
		}
		if text := strings.NewReplacer("\n", "", "\r", "", "\t", "").Replace(shown); strings.ContainsFunc(text, term.Hides) {
			t.Errorf("%s shows %q", c.args, shown)
		}
	}
}

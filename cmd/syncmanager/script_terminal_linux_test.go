package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/agent"
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

// readUntil reads what is shown on a terminal until it has a text.
func readUntil(t *testing.T, ours *os.File, text string) {
	t.Helper()
	var shown []byte
	b := make([]byte, 256)
	for !bytes.Contains(shown, []byte(text)) {
		n, err := ours.Read(b)
		if err != nil {
			t.Fatalf("the terminal shows %q, and ends: %v", shown, err)
		}
		shown = append(shown, b[:n]...)
	}
}

// echoes reports whether a terminal shows what is typed.
func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestAPromptOfACommandInAnAgent: a password is typed on the terminal of the command, unseen; an interrupted prompt
// leaves the terminal as it was, and takes nothing that is typed after it.
func TestAPromptOfACommandInAnAgent(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "p")
	getenv := func(name string) string { return map[string]string{"HOME": home, envKeyring: "off"}[name] }
	started := make(chan struct{})
	a := &app{
		Console: term.Console{In: strings.NewReader(""), Out: io.Discard, Err: onceWriter(started)}, getenv: getenv, now: time.Now, dir: dir,
		wait: 10 * time.Second, system: func(*slog.Logger) agent.System { return metered{} },
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.runAgent(ctx, "") }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-started:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	ours, its := terminalPair(t)
	defer its.Close()
	add := func(ctx context.Context) <-chan int {
		code := make(chan int, 1)
		go func() {
			code <- run(ctx, []string{"--profile", dir, "passwords", "add", "--url", "https://example.org", "--username", "ann"}, its, its, its, getenv)
		}()
		readUntil(t, ours, "Password: ")
		if echoes(t, its) {
			t.Error("the password is shown while it is typed")
		}
		return code
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	code := add(interrupted)
	interrupt()
	if got := <-code; got == 0 || !echoes(t, its) {
		t.Errorf("interrupted: exit code %d; the terminal shows what is typed: %t", got, echoes(t, its))
	}
	if _, err := ours.WriteString("next\n"); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 16)
	if n, err := its.Read(line); err != nil || string(line[:n]) != "next\n" {
		t.Errorf("what was typed next is %q, %v", line[:n], err)
	}
	code = add(t.Context())
	if _, err := ours.WriteString("correct horse\n"); err != nil {
		t.Fatal(err)
	}
	readUntil(t, ours, "Password again: ")
	if _, err := ours.WriteString("correct horse\n"); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != 0 || !echoes(t, its) {
		t.Errorf("exit code %d; the terminal shows what is typed: %t", got, echoes(t, its))
	}
	var out, errs bytes.Buffer
	if got := run(t.Context(), []string{"--profile", dir, "agent", "status"}, strings.NewReader(""), &out, &errs, getenv); got != 0 {
		t.Errorf("the agent does not go on: %s", &errs)
	}
}

// onceWriter closes a channel at the first Write.
func onceWriter(first chan struct{}) io.Writer {
	var once sync.Once
	return writerFunc(func(p []byte) (int, error) {
		once.Do(func() { close(first) })
		return len(p), nil
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

package main_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// device is a folder of data, and runs the program on it as its user does.
type device struct {
	t                *testing.T
	program, dir, in string
}

// notes runs a command, and returns what it printed and whether it went well.
func (d device) notes(args ...string) (printed string, ok bool) {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), d.program, append([]string{"-dir", d.dir}, args...)...)
	cmd.Stdin = strings.NewReader(d.in)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// does runs a command that must go well and print want.
func (d device) does(want string, args ...string) {
	d.t.Helper()
	if got, ok := d.notes(args...); !ok || got != want {
		d.t.Fatalf("notes %q: ok is %v, and it prints\n%s\nwant\n%s", args, ok, got, want)
	}
}

// fails runs a command that must fail and say why.
func (d device) fails(says string, args ...string) {
	d.t.Helper()
	if got, ok := d.notes(args...); ok || !strings.Contains(got, says) {
		d.t.Errorf("notes %q: ok is %v, and it prints\n%s\nwant %q", args, ok, got, says)
	}
}

func (d device) add(text ...string) (id string) {
	d.t.Helper()
	printed, ok := d.notes(append([]string{"add"}, text...)...)
	if !ok {
		d.t.Fatal(printed)
	}
	return strings.TrimSpace(printed)
}

func TestNotesOfTwoDevices(t *testing.T) {
	w := testenv.Listen(t)
	program := filepath.Join(t.TempDir(), "notes.exe")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	laptop := device{t, program, filepath.Join(t.TempDir(), "laptop"), "correct horse\n"}
	desk := device{t, program, filepath.Join(t.TempDir(), "desk"), "correct horse\n"}

	laptop.fails("not signed in", "sync")
	laptop.does("", "create", w.URL, "ann@example.org")
	milk, call := laptop.add("buy", "milk"), laptop.add("call Bob")
	laptop.does("0 received, 2 sent\n", "sync")

	desk.does("", "login", w.URL, "ann@example.org")
	desk.does("2 received, 0 sent\n", "sync")
	if list, _ := desk.notes("list"); !strings.Contains(list, milk+" buy milk\n") || !strings.Contains(list, call+" call Bob\n") {
		t.Errorf("the desk lists\n%s", list)
	}
	desk.does("", "edit", milk, "buy", "oat", "milk")
	desk.does("", "rm", call)
	desk.does("0 received, 2 sent\n", "sync")

	laptop.does("2 received, 0 sent\n", "sync")
	laptop.does(milk+" buy oat milk\n", "list")
	laptop.does("0 received, 0 sent\n", "sync")

	laptop.fails("record not found", "rm", call)
	laptop.fails("the note is empty", "add", "")
	laptop.fails("usage", "sing")
	desk.in = "wrong\n"
	desk.fails("password", "login", w.URL, "ann@example.org")
	desk.fails("is not the URL of a server", "login", "nowhere", "ann@example.org")
	desk.does("0 received, 0 sent\n", "sync") // it is still signed in
}

package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// exits CODE PROGRAM ARGS… runs a program and checks its exit code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// asks URL CODE asks for a page, and checks the code of the answer.
func cmdAsks(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: asks URL CODE")
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, args[0], nil)
	ts.Check(err)
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	ts.Check(answer.Body.Close())
	if got := strconv.Itoa(answer.StatusCode); got != args[1] {
		ts.Fatalf("%s answers with %s, want %s", args[0], got, args[1])
	}
}

// json PATH VALUE checks a value in the JSON on the last command's stdout. PATH is
// "engines.passwords.uploaded" or "0.hostname"; "len" at its end is the number of items; VALUE
// is as JSON prints it, a text without its quotes. With a "!", the value must be another one,
// or be absent.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json PATH VALUE")
	}
	got, err := lookUp(ts.ReadFile("stdout"), args[0])
	if err != nil && !neg {
		ts.Fatalf("%v", err)
	}
	if (err == nil && got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

// let NAME PATH stores a value of the JSON on stdout in an environment variable.
func cmdLet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: let NAME PATH")
	}
	value, err := lookUp(ts.ReadFile("stdout"), args[1])
	ts.Check(err)
	ts.Setenv(args[0], value)
}

func lookUp(text, path string) (string, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("stdout is not JSON: %w", err)
	}
	if d.More() {
		return "", errors.New("stdout holds more than one JSON value")
	}
	if path != "." {
		for step := range strings.SplitSeq(path, ".") {
			var ok bool
			switch x := v.(type) {
			case map[string]any:
				if v, ok = x[step]; step == "len" {
					v, ok = json.Number(strconv.Itoa(len(x))), true
				}
			case []any:
				if i, err := strconv.Atoi(step); err == nil && i < len(x) {
					v, ok = x[i], true
				} else if step == "len" {
					v, ok = json.Number(strconv.Itoa(len(x))), true
				}
			}
			if !ok {
				return "", fmt.Errorf("there is no %s in %s", path, strings.TrimSpace(text))
			}
		}
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// addon DIR ADD-ON ID adds a record of an add-on to a profile, as Firefox writes it.
func cmdAddon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: addon DIR ADD-ON ID")
	}
	p := openProfile(ts, args[0])
	store, err := p.Addons(context.Background())
	if err == nil {
		_, err = store.Add(context.Background(), addons.Addon{
			ID: engine.ID(args[2]), AddonID: args[1], ApplicationID: prefs.Firefox, Enabled: true, Source: "amo",
		})
	}
	ts.Check(errors.Join(err, p.Close()))
}

var length = regexp.MustCompile(`@(\d+)@`)

// expand FILE replaces each @N@ in a file with N letters.
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	text := length.ReplaceAllStringFunc(ts.ReadFile(args[0]), func(s string) string {
		n, err := strconv.Atoi(strings.Trim(s, "@"))
		ts.Check(err)
		return strings.Repeat("x", n)
	})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// hold DIR opens a profile as another process would, until the story ends.
func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold DIR")
	}
	p := openProfile(ts, args[0])
	ts.Defer(func() { _ = p.Close() })
}

func openProfile(ts *testscript.TestScript, dir string) *profile.Profile {
	p, err := profile.Open(context.Background(), profile.Config{
		Dir: ts.MkAbs(dir), Hostname: "other", Version: "test", Now: time.Now, Rand: rand.Reader,
		Transport: http.DefaultTransport, Log: slog.New(slog.DiscardHandler),
	})
	ts.Check(err)
	return p
}

// sqlite FILE STATEMENT changes a database behind the program's back.
func cmdSQLite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sqlite FILE STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}

// mode OCTAL FILE… checks the permissions of files.
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode OCTAL FILE…")
	}
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s", file, got)
		}
	}
}

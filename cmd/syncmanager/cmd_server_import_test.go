package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/oldserver"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/takeover"
)

// commandLine is a command line whose environment a test sets.
type commandLine struct {
	t   *testing.T
	env map[string]string
}

// run runs a command, expects its exit code, and returns what it prints.
func (i commandLine) run(code int, args ...string) (stdout, stderr string) {
	i.t.Helper()
	var out, errs bytes.Buffer
	got := run(i.t.Context(), args, strings.NewReader(""), &out, &errs, func(name string) string { return i.env[name] })
	if got != code {
		i.t.Fatalf("%v: exit code %d, want %d: %s%s", args, got, code, &out, &errs)
	}
	return out.String(), errs.String()
}

// refuses runs a command that fails, and expects a text.
func (i commandLine) refuses(code int, text string, args ...string) {
	i.t.Helper()
	if _, stderr := i.run(code, args...); !strings.Contains(stderr, text) {
		i.t.Errorf("%v: %q, want %q", args, stderr, text)
	}
}

const annsUID = "0123456789abcdef0123456789abcdef"

// oldSQLite is a Python server with one user.
func oldSQLite(t *testing.T) *oldserver.Server {
	old := oldserver.New(t, oldserver.PythonSQLite)
	old.AddUser(oldserver.User{UID: 1, Email: annsUID + "@api.accounts.firefox.com", ClientState: strings.Repeat("ab", 16), Generation: 2, KeysChangedAt: 1, Created: 1_600_000_000_000})
	now := time.Now().UnixMilli()
	old.Put(1, oldserver.Record{Collection: "bookmarks", ID: "menu", Modified: now, Payload: strings.Repeat("x", 3000)})
	old.Put(1, oldserver.Record{Collection: "forms", ID: "one", Modified: now, Payload: "{}"})
	old.Put(1, oldserver.Record{Collection: "tabs", ID: "old", Modified: now - 100_000, TTL: 10, Payload: "{}"})
	return old
}

// A user comes into a new data folder, and the server that is started on it has them.
func TestImportServer(t *testing.T) {
	t.Parallel()
	i, old := commandLine{t: t}, oldSQLite(t)
	dir := filepath.Join(t.TempDir(), "srv")
	args := []string{"server", "import", "--from", old.From, "--data", dir}
	table := "COLLECTION  RECORDS  SIZE\nbookmarks   1        3.0 KB\nforms       1        2 B\nall         2        3.0 KB\n"
	counts := "; 0 deleted, 0 elsewhere, 0 left out. Records: 1 expired, 0 left out. Former keys: 0.\n"
	stdout, stderr := i.run(exitDone, append(args, "--dry-run")...)
	if stdout != table+"1 user would come: 1"+counts || !strings.Contains(stderr, "The database is that of the Python server on SQLite.") {
		t.Errorf("a trial: %s%s", stdout, stderr)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a trial made the folder")
	}
	if again, _ := i.run(exitDone, args...); again != strings.Replace(stdout, "1 user would come: 1", "1 user: 1 new, 0 updated, 0 merged, 0 unchanged", 1) {
		t.Errorf("%q, the trial %q", again, stdout)
	}
	stdout, _ = i.run(exitDone, append(args, "--json")...)
	var report takeover.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || report.Unchanged != 1 || report.Expired != 1 || report.Skips == nil {
		t.Errorf("again: %s, %v", stdout, err)
	}
	if list, _ := i.run(exitDone, "server", "user", "list", "--data", dir); !strings.Contains(list, annsUID) || !strings.Contains(list, "3.0 KB") {
		t.Errorf("users: %s", list)
	}

	// What is left out is named, and the exit code says so.
	old.Put(1, oldserver.Record{Collection: "forms", ID: "täg", Modified: time.Now().UnixMilli(), Payload: "{}"})
	i.refuses(exitPartial, `left out: `+annsUID+`: forms/"t\u00e4g": the protocol does not allow its ID`, args...)

	// A server that runs has its data to itself.
	startServing(t, "--addr", "127.0.0.1:0", "--data", dir, "--accounts-server", "mozilla", "--allow-account", annsUID)
	i.refuses(exitFailed, "stop it first", args...)
}

// Users come into a database, whose servers may run.
func TestImportIntoDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.Own(t).URL("")
	i, old := commandLine{t: t, env: map[string]string{"SYNCMANAGER_DATABASE": database}}, oldSQLite(t)
	dir := filepath.Join(t.TempDir(), "node")
	startServing(t, "--addr", "127.0.0.1:0", "--data", dir, "--database", database, "--accounts-server", "mozilla", "--allow-account", annsUID)
	if stdout, _ := i.run(exitDone, "server", "import", "--from", old.From); !strings.Contains(stdout, "1 user: 1 new,") {
		t.Error(stdout)
	}
	if list, _ := i.run(exitDone, "server", "user", "list", "--data", dir); !strings.Contains(list, annsUID) {
		t.Errorf("users: %s", list)
	}
}

// Mistakes are said before anything is written.
func TestImportMistakes(t *testing.T) {
	t.Parallel()
	i, old := commandLine{t: t}, oldSQLite(t)
	dir := t.TempDir()
	i.refuses(exitUsage, "name the database of the other server with --from", "server", "import", "--data", dir)
	for _, args := range [][]string{{"--from", "mysql://ann:pw@db/sync"}, {"--tokens", "host=db password=pw"}, {"--database", "postgres:///sync?password=pw"}} {
		i.refuses(exitUsage, "a password on the command line", append([]string{"server", "import", "--data", dir}, args...)...)
	}
	i.refuses(exitFailed, "begins with mysql:// or postgres://", "server", "import", "--from", "redis://db", "--data", dir)
	i.refuses(exitFailed, "not among", "server", "import", "--from", old.From, "--issuer", "accounts.example.org", "--data", dir)
	old.Exec("DROP TABLE bso")
	env := commandLine{t: t, env: map[string]string{"SYNCMANAGER_IMPORT_FROM": old.From}}
	env.refuses(exitFailed, "it has no table bso", "server", "import", "--data", dir)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%v, %v", files, err)
	}

	// A server with accounts of its own has other users.
	own := filepath.Join(t.TempDir(), "own")
	startServing(t, "--addr", "127.0.0.1:0", "--data", own)
	i.refuses(exitFailed, "accounts of its own", "server", "import", "--from", oldSQLite(t).From, "--data", own)
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// Two servers on one database: a device of each has the same bookmarks.
func TestServersOnOneDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.Own(t).URL("")
	dir := t.TempDir()
	command := func(profile, stdin string, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		args = append([]string{"--profile", filepath.Join(dir, profile)}, args...)
		if code := run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr, func(string) string { return "" }); code != exitDone {
			t.Fatalf("%v: %d: %s", args, code, &stderr)
		}
		return stdout.String()
	}
	login := []string{"login", "--email", "ann@example.org", "--password-stdin", "--server"}
	const password = "correct horse\n"
	for i, node := range []string{"one", "two"} {
		url := "http://" + startServing(t, "--addr", "127.0.0.1:0", "--data", filepath.Join(dir, "node "+node), "--database", database)
		if i == 0 {
			command(node, password, append(login, url, "--create")...)
			command(node, "", "bookmarks", "add", "https://example.org/")
		} else {
			command(node, password, append(login, url)...)
		}
		command(node, "", "sync")
	}
	if list := command("two", "", "bookmarks", "list", "--json"); !strings.Contains(list, "https://example.org/") {
		t.Errorf("the other server's device has %s", list)
	}
}

func TestADatabasesPasswordIsNoArgument(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"postgres://ann:secret-word@localhost/sync", "host=localhost password=secret-word", "postgres:///sync?password=secret-word"} {
		var stdout, stderr bytes.Buffer
		args := []string{"serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"), "--database", database}
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, func(string) string { return "" })
		if code != exitUsage || !strings.Contains(stderr.String(), "password file") || strings.Contains(stderr.String(), "secret-word") {
			t.Errorf("%d: %s", code, &stderr)
		}
	}
}

// The devices are told of a restored database while its servers are stopped.
func TestServerRestored(t *testing.T) {
	t.Parallel()
	database := pgtest.Own(t).URL("")
	data := filepath.Join(t.TempDir(), "data")
	restored := func(environment string) (code int, stdout, stderr bytes.Buffer) {
		getenv := func(name string) string {
			if name == "SYNCMANAGER_DATABASE" {
				return environment
			}
			return ""
		}
		code = run(t.Context(), []string{"server", "restored", "--data", data}, strings.NewReader(""), &stdout, &stderr, getenv)
		return code, stdout, stderr
	}
	_, stop := serving(t, "--addr", "127.0.0.1:0", "--data", data, "--database", database)
	if code, _, stderr := restored(database); code != exitFailed || !strings.Contains(stderr.String(), "stop all servers") {
		t.Errorf("while a server runs: %d: %s", code, &stderr)
	}
	stop()
	if code, _, stderr := restored(""); code != exitFailed || !strings.Contains(stderr.String(), "$SYNCMANAGER_DATABASE") {
		t.Errorf("without the database: %d: %s", code, &stderr)
	}
	if code, stdout, stderr := restored(database); code != exitDone || !strings.Contains(stdout.String(), "0 users") {
		t.Errorf("%d: %s%s", code, &stdout, &stderr)
	}
	if err := os.Remove(filepath.Join(data, "data-is-in-postgresql")); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := restored(database); code != exitFailed || !strings.Contains(stderr.String(), "no server data found") {
		t.Errorf("another folder: %d: %s", code, &stderr)
	}
}

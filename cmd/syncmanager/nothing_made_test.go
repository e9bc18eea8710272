package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// leaves returns the commands that do something, by their words.
func leaves(c *cobra.Command, words []string) (all [][]string) {
	if c.Runnable() && c.HasParent() {
		all = append(all, words)
	}
	for _, below := range c.Commands() {
		all = append(all, leaves(below, append(words[:len(words):len(words)], below.Name()))...)
	}
	return all
}

// A command that fails because of its arguments has made neither a profile nor a server's data,
// for each position of the wrong argument, and also if it is only about the server.
func TestAWrongWordMakesNothing(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	serve := func(args ...string) []string { return append([]string{"serve", "--addr", "127.0.0.1:0"}, args...) }
	login := func(server string, args ...string) []string {
		return append([]string{"login", "--server", server, "--email", "ann@example.org", "--password-stdin"}, args...)
	}
	lines := [][]string{
		login("notaurl"), login("ftp://sync.example.org"), login("https://"), login("https://ann:pw@sync.example.org"), login("mozila"),
		login("http://sync.example.org:port", "--create"), login("%zz"), {"login", "--server", "notaurl", "--browser"},
		login("https://sync.example.org", "--browser"), {"login", "--email", "ann@example.org"},
		{"sync", "--engine", "nope"}, {"sync", "--prefer", "both"}, {"sync", "--reason", "none"}, {"engines", "enable", "nope"},
		{"records", "list", "no collection"}, {"records", "get", "no collection", "x"},
		serve("--public-url", "sync.example.org"), serve("--public-url", "https://sync.example.org,nas.lan"), serve("--public-url", "https://a.example/?x"),
		serve("--sign-up", "maybe"), serve("--sign-up", "email"), serve("--quota", "much"), serve("--memory", "much"), serve("--disk-reserve", "much"),
		serve("--trusted-proxy", "proxy"), serve("--cors-origin", "app.example.org"), serve("--log-format", "xml"), serve("--push-host", "not a host"),
		serve("--tls-cert", "nosuch.pem", "--tls-key", "nosuch.pem"), serve("--tls-cert", "nosuch.pem"),
		serve("--acme"), serve("--acme", "--public-url", "https://192.0.2.1"), serve("--acme", "--public-url", "https://localhost"),
		serve("--acme", "--public-url", "https://sync.example.org", "--acme-root", "nosuch.pem"),
		serve("--accounts-server", "notaurl"), serve("--accounts-server", "mozilla", "--allow-account", "ann@example.org"), serve("--allow-all-accounts"),
		serve("--sign-up", "email", "--smtp", "mail.example.org", "--mail-from", "sync@example.org"),
		serve("--sign-up", "email", "--smtp", "smtp://mail.example.org", "--mail-from", "nobody"),
		serve("--sign-up", "email", "--smtp", "smtp://localhost", "--mail-from", "a@b.example", "--smtp-password-file", "nosuch"),
		serve("--metrics-addr", taken.Addr().String()), serve("--metrics-addr", "nowhere"),
		serve("--public-url", "https://sync.example.org", "--trusted-proxy", "127.0.0.1", "--redirect-addr", taken.Addr().String()),
		serve("--config", "nosuch.toml"), {"serve", "--addr", "nowhere"}, {"serve", "--addr", taken.Addr().String()}, {"serve", "--addr", "unix:"},
		serve("--socket-mode", "rw"), serve("--database", "nonsense://"), serve("--database", "postgres://ann:secret@localhost/sync"),
		{"server", "user", "add", "nobody"}, {"server", "user", "add", "ann@example.org", "--password-stdin"}, {"server", "user", "list"},
		{"server", "user", "quota", "ann@example.org", "much"}, {"server", "quota", "much"}, {"server", "quota", "1GB"}, {"server", "invite"},
		{"server", "backup", "nosuch/backup.tar"}, {"server", "restore", "nosuch.tar"}, {"server", "restore", "-"}, {"server", "verify", "nosuch.tar"},
		{"server", "check"}, {"server", "repair", "nobody"}, {"server", "compact"}, {"server", "health"},
	}
	root := (&app{getenv: func(string) string { return "" }}).rootCommand()
	for _, words := range leaves(root, nil) {
		lines = append(lines, append(words[:len(words):len(words)], "--no-such-flag"))
	}
	for _, line := range lines {
		home := t.TempDir()
		env := map[string]string{"HOME": home, "XDG_DATA_HOME": filepath.Join(home, "data"), "USERPROFILE": home, "LOCALAPPDATA": filepath.Join(home, "data")}
		ctx, stop := context.WithCancel(t.Context())
		stop() // a server that starts anyway ends at once
		code := run(ctx, line, strings.NewReader("not a backup\n"), io.Discard, io.Discard, func(name string) string { return env[name] })
		if code == exitDone {
			t.Errorf("%q ends well", line)
		}
		made, err := os.ReadDir(home)
		if err != nil || len(made) != 0 {
			t.Errorf("%q made %v, %v", line, made, err)
		}
	}
}

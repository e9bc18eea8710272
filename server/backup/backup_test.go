package backup_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/backup"
)

var moment = time.Unix(1_795_372_558, 0)

func open(t *testing.T, dir string) *server.Server {
	t.Helper()
	s, err := server.New(t.Context(), server.Config{
		Dir: dir, PublicURL: "http://sync.test", Now: func() time.Time { return moment }, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler), PasswordCost: 4, PurgeTicks: make(chan time.Time),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func addUser(t *testing.T, s *server.Server, email string) {
	t.Helper()
	_, err := s.AddUser(t.Context(), email, accounts.Credentials{AuthPW: strings.Repeat("ab", 32)})
	if err != nil {
		t.Fatal(err)
	}
}

func emails(t *testing.T, s *server.Server) string {
	t.Helper()
	users, err := s.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, u := range users {
		all = append(all, u.Email)
	}
	return strings.Join(all, " ")
}

func source(dir string) backup.Source {
	return backup.Source{Dir: dir, Version: "1.2.3", Now: func() time.Time { return moment }}
}

func write(t *testing.T, dir, path string) backup.Report {
	t.Helper()
	report, err := backup.Write(t.Context(), source(dir), path)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// files lists the regular files below dir with what they hold.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && p != dir {
			t.Errorf("%s is %v", p, info.Mode())
		}
		if e.Type().IsRegular() {
			b, err := os.ReadFile(p)
			all[strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(p, dir)), "/")] = string(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A backup of a running server restores to a server with the same users, secrets and
// certificates, without the old folder.
func TestBackupAndRestore(t *testing.T) {
	base := t.TempDir()
	dir, file := filepath.Join(base, "data"), filepath.Join(base, "backup.tar")
	s := open(t, dir)
	addUser(t, s, "ann@example.org")
	if err := os.Mkdir(filepath.Join(dir, "acme"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"acme/sync.example.org": "certificate", "acme/acme_account+key": "key", "stray": "not ours"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the backup: %v, %v", info.Mode(), err)
	}
	addUser(t, s, "late@example.org")
	secret := files(t, dir)["token-secret"]
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}

	if err := backup.Restore(t.Context(), file, dir, rand.Reader, moment); err != nil {
		t.Fatal(err)
	}
	got := files(t, dir)
	if got["token-secret"] != secret || got["acme/sync.example.org"] != "certificate" || got["acme/acme_account+key"] != "key" || got["stray"] != "" {
		t.Errorf("restored %d files", len(got))
	}
	if got := emails(t, open(t, dir)); got != "ann@example.org" {
		t.Errorf("restored the users %s", got)
	}
	if left, err := filepath.Glob(filepath.Join(base, ".*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A backup is consistent although users are added and removed meanwhile.
func TestBackupOfABusyServer(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "data")
	s := open(t, dir)
	var busy sync.WaitGroup
	stop := make(chan struct{})
	started := make(chan struct{})
	busy.Go(func() {
		for i := 0; ; i++ {
			name := "user@example.org" // the first of all
			if i > 0 {
				name = fmt.Sprintf("userx%d@example.org", i)
			}
			addUser(t, s, name)
			if i == 1 {
				close(started)
			}
			if i%2 == 1 {
				if err := s.RemoveUser(t.Context(), name); err != nil {
					t.Error(err)
				}
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	<-started
	for _, name := range []string{"one", "two", "three"} {
		file := filepath.Join(base, name+".tar")
		write(t, dir, file)
		restored := filepath.Join(base, name)
		if err := backup.Restore(t.Context(), file, restored, rand.Reader, moment); err != nil {
			t.Fatal(err)
		}
		if got := emails(t, open(t, restored)); !strings.HasPrefix(got, "user@example.org") {
			t.Errorf("restored the users %s", got)
		}
	}
	close(stop)
	busy.Wait()
}

func TestBackupRefuses(t *testing.T) {
	base := t.TempDir()
	if _, err := backup.Write(t.Context(), source(base), filepath.Join(base, "b")); err == nil || !strings.Contains(err.Error(), "not a server's data folder") {
		t.Errorf("an empty folder: %v", err)
	}
	dir, file := filepath.Join(base, "data"), filepath.Join(base, "b")
	s := open(t, dir)
	write(t, dir, file)
	before := files(t, base)["b"]
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	// If a database that all users need is damaged, the last good backup stays.
	sick := filepath.Join(dir, "token.sqlite")
	if err := os.WriteFile(sick, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	src := source(dir)
	if _, err := backup.Write(t.Context(), src, file); !errors.Is(err, sqlite.ErrCorrupt) || !strings.Contains(err.Error(), sick) {
		t.Errorf("a damaged database: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backup.Write(ctx, src, file); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if after := files(t, base)["b"]; after != before {
		t.Error("a failed backup took the place of a good one")
	}
	if left, err := filepath.Glob(filepath.Join(base, ".*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRestoreNeedsAnEmptyFolder(t *testing.T) {
	base := t.TempDir()
	dir, file := filepath.Join(base, "data"), filepath.Join(base, "b")
	s := open(t, dir)
	addUser(t, s, "ann@example.org")
	write(t, dir, file)
	before := files(t, dir)
	if err := backup.Restore(t.Context(), file, dir, rand.Reader, moment); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("over a server: %v", err)
	}
	if after := files(t, dir); len(after) != len(before) {
		t.Error("the folder changed")
	}
	empty := filepath.Join(base, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := backup.Restore(t.Context(), file, empty, rand.Reader, moment); err != nil {
		t.Errorf("to an empty folder: %v", err)
	}
	if info, err := os.Stat(empty); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the restored folder is %v, %v", info.Mode(), err)
	}
	if err := backup.Restore(t.Context(), file, filepath.Join(base, "deep", "er"), rand.Reader, moment); err != nil {
		t.Errorf("to a folder in a folder that is not there: %v", err)
	}
	if err := backup.Restore(t.Context(), filepath.Join(base, "none"), filepath.Join(base, "x"), rand.Reader, moment); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no backup: %v", err)
	}
}

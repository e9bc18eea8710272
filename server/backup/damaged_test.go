package backup_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/backup"
	"github.com/syncmanager/syncmanager/server/storage"
	storagedb "github.com/syncmanager/syncmanager/server/storage/sqlite"
)

// storages makes files of unknown users, and returns the folder of a stopped server.
func storages(t *testing.T, uids ...int64) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir)
	addUser(t, s, "ann@example.org")
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, err := storagedb.New(storagedb.Config{Dir: filepath.Join(dir, "storage"), Now: func() time.Time { return moment }})
	if err != nil {
		t.Fatal(err)
	}
	for _, uid := range uids {
		err := b.Update(t.Context(), uid, storage.Durable, func(tx storage.Tx) error {
			return tx.Put("forms", []storage.Change{{ID: "x", Fields: storage.FieldPayload, Payload: fmt.Appendf(nil, "of %d", uid)}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// spoil overwrites part of a file.
func spoil(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(bytes.Repeat([]byte("spoilt "), 900), 4096)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func userFile(dir string, uid int64) string {
	return filepath.Join(dir, "storage", storagedb.Name(uid))
}

// payload reads what storages put into a restored user's file.
func payload(t *testing.T, dir string, uid int64) (text string) {
	t.Helper()
	db, err := sql.Open("sqlite", userFile(dir, uid))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`SELECT payload FROM records`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// A backup leaves out and reports a damaged file, and contains all others.
func TestADamagedFileHarmsOneUser(t *testing.T) {
	dir := storages(t, 7, 8, 263)
	spoil(t, userFile(dir, 8))
	file := filepath.Join(t.TempDir(), "b")
	report := write(t, dir, file)
	if len(report.LeftOut) != 1 || report.LeftOut[0].Name != "storage/08/8.sqlite" || report.LeftOut[0].Kept || report.LeftOut[0].Reason == "" {
		t.Fatalf("%+v", report)
	}
	restored := filepath.Join(t.TempDir(), "again")
	if err := backup.Restore(t.Context(), file, restored, rand.Reader, moment); err != nil {
		t.Fatal(err)
	}
	for _, uid := range []int64{7, 263} {
		if got := payload(t, restored, uid); got != fmt.Sprintf("of %d", uid) {
			t.Errorf("user %d: %s", uid, got)
		}
	}
	if _, err := os.Stat(userFile(restored, 8)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the damaged file was restored: %v", err)
	}
	if _, err := os.Stat(filepath.Join(restored, "left-out.json")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the list of what was left out is in the folder")
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if tried, err := backup.Verify(t.Context(), f, t.TempDir()); err != nil || len(tried.LeftOut) != 1 || tried.Files != report.Files || tried.Version != "1.2.3" {
		t.Errorf("verified %+v, %v", tried, err)
	}
}

// A backup that replaces another keeps that one's copies of damaged files.
func TestABackupKeepsTheOldCopyOfADamagedFile(t *testing.T) {
	dir := storages(t, 7, 8)
	file := filepath.Join(t.TempDir(), "b")
	write(t, dir, file)
	spoil(t, userFile(dir, 8))
	for range 2 { // the second time it is that of the first that goes on
		if report := write(t, dir, file); len(report.LeftOut) != 1 || !report.LeftOut[0].Kept {
			t.Fatalf("%+v", report)
		}
	}
	restored := filepath.Join(t.TempDir(), "again")
	if err := backup.Restore(t.Context(), file, restored, rand.Reader, moment); err != nil {
		t.Fatal(err)
	}
	if got := payload(t, restored, 8); got != "of 8" {
		t.Errorf("restored %q", got)
	}
}

// A backup does not replace a pipe, a folder, a device, or a link to one.
func TestABackupReplacesRegularFilesOnly(t *testing.T) {
	dir, base := storages(t), t.TempDir()
	folder, link, good := filepath.Join(base, "folder"), filepath.Join(base, "link"), filepath.Join(base, "good")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(folder, link); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{folder, link, os.DevNull} {
		if path == os.DevNull && runtime.GOOS == "windows" {
			continue
		}
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Write(t.Context(), source(dir), path); !errors.Is(err, backup.ErrNotRegular) {
			t.Errorf("%s: %v", path, err)
		}
		if after, err := os.Lstat(path); err != nil || after.Mode() != before.Mode() {
			t.Errorf("%s became %v, %v", path, after, err)
		}
	}
	// A link to a file stays a link.
	write(t, dir, good)
	if err := errors.Join(os.Remove(link), os.Symlink(good, link)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, link)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info, err)
	}
}

// A backup can be written to a pipe, which is not seekable.
func TestStream(t *testing.T) {
	dir := storages(t, 7)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	streamed := make(chan error, 1)
	work := t.TempDir()
	go func() {
		_, err := backup.Stream(context.WithoutCancel(t.Context()), source(dir), write, work)
		streamed <- errors.Join(err, write.Close())
	}()
	restored := filepath.Join(t.TempDir(), "again")
	if err := errors.Join(backup.RestoreFrom(t.Context(), read, restored, rand.Reader, moment), <-streamed); err != nil {
		t.Fatal(err)
	}
	if got := payload(t, restored, 7); got != "of 7" {
		t.Errorf("restored %q", got)
	}
	if left, err := os.ReadDir(work); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// Verify opens each database: it finds a damaged database with correct checksums.
func TestVerifyTriesTheDatabases(t *testing.T) {
	whole := good(t)
	verify := func(archive []byte) error {
		work := t.TempDir()
		_, err := backup.Verify(t.Context(), bytes.NewReader(archive), work)
		if left, readErr := os.ReadDir(work); readErr != nil || len(left) != 0 {
			t.Errorf("left %v, %v", left, readErr)
		}
		return err
	}
	if err := verify(pack(t, whole)); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"storage/07/7.sqlite": "SQLite format 3\x00" + strings.Repeat("x", 8000),
		"storage/08/8.sqlite": other(t),
	} {
		err := verify(pack(t, append(whole[:len(whole):len(whole)], plain(name, body))))
		if !errors.Is(err, backup.ErrDamaged) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := verify([]byte("a picture of a cat")); !errors.Is(err, backup.ErrNotBackup) {
		t.Errorf("no backup: %v", err)
	}
}

// other is a valid database that is not the server's.
func other(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other.sqlite")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE x (y); INSERT INTO x VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Check finds damaged and unexpected files, and nothing in a correct folder.
func TestCheck(t *testing.T) {
	dir := storages(t, 7)
	check := func() map[string]backup.Finding {
		t.Helper()
		all := make(map[string]backup.Finding)
		if _, err := backup.Check(t.Context(), dir, t.TempDir(), func(f backup.Finding) { all[f.Name] = f }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if got := check(); len(got) != 1 || got["storage/07/7.sqlite"].Damaged || !strings.Contains(got["storage/07/7.sqlite"].Problem, "no user") {
		t.Errorf("with a file that belongs to no user: %+v", got)
	}
	for path, text := range map[string]string{"stray": "x", "storage/07/9.sqlite": "x", "token-secret": "half",
		"outbox.sqlite": strings.Repeat("x", 4096), "takeover.sqlite": strings.Repeat("x", 4096), "moving": "x"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "accounts.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`CREATE TRIGGER backdoor AFTER INSERT ON accounts BEGIN DELETE FROM devices; END`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	spoil(t, userFile(dir, 7))
	got := check()
	if f, ok := got["moving"]; ok {
		t.Errorf("the mark of a move: %+v", f)
	}
	for name, damaged := range map[string]bool{"stray": false, "outbox.sqlite": true, "takeover.sqlite": true, "storage/07/9.sqlite": false, "token-secret": true, "accounts.sqlite": true, "storage/07/7.sqlite": true} {
		if f, ok := got[name]; !ok || f.Damaged != damaged {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := got["accounts.sqlite"]; !strings.Contains(f.Problem, "backdoor") {
		t.Errorf("%+v", f)
	}
	if _, err := backup.Check(t.Context(), t.TempDir(), t.TempDir(), nil); err == nil {
		t.Error("an empty folder was checked")
	}
	if err := sqlite.Check(t.Context(), userFile(dir, 7)); !errors.Is(err, sqlite.ErrCorrupt) {
		t.Errorf("the spoilt file: %v", err)
	}
}

// BenchmarkWrite backs up 200 users, with and without a backup in its place that has
// the same.
func BenchmarkWrite(b *testing.B) {
	dir, files := filepath.Join(b.TempDir(), "data"), b.TempDir()
	now := func() time.Time { return moment }
	s, err := server.New(b.Context(), server.Config{Dir: dir, PublicURL: "http://sync.test", Now: now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(context.Background()) }()
	users, err := storagedb.New(storagedb.Config{Dir: filepath.Join(dir, "storage"), Now: now})
	if err != nil {
		b.Fatal(err)
	}
	for uid := range int64(200) {
		err := users.Update(b.Context(), uid+1, storage.Durable, func(tx storage.Tx) error {
			return tx.Put("forms", []storage.Change{{ID: "x", Fields: storage.FieldPayload, Payload: bytes.Repeat([]byte("x"), 1<<18)}})
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := users.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	for name, again := range map[string]bool{"first": false, "again": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				path := filepath.Join(files, name)
				if !again {
					_ = os.Remove(path)
				}
				if _, err := backup.Write(b.Context(), source(dir), path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

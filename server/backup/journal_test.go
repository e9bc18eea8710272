package backup_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/backup"
	"github.com/syncmanager/syncmanager/server/storage"
	storagedb "github.com/syncmanager/syncmanager/server/storage/sqlite"
)

// forms lists the records of a user's forms in a data folder.
func forms(t *testing.T, dir string, uid int64) (ids string) {
	t.Helper()
	users, err := storagedb.New(storagedb.Config{Dir: filepath.Join(dir, "storage"), Now: func() time.Time { return moment }})
	if err != nil {
		t.Fatal(err)
	}
	err = users.View(t.Context(), uid, func(v storage.View) error {
		return v.Records(storage.Query{Collection: "forms", IDsOnly: true, Older: storage.AnyTime}, func(r *storage.Record) error { ids += string(r.ID); return nil })
	})
	if err != nil {
		t.Error(err)
	}
	if err := users.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return ids
}

// copyFile copies a file into another folder, and makes an absent one absent there.
func copyFile(t *testing.T, from, to, name string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(from, name))
	if os.IsNotExist(err) {
		_ = os.Remove(filepath.Join(to, name))
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// After a loss of power, as on a snapshot of the disk of a running server, writes that were answered may be in
// the journal alone. A backup has them, and a check says nothing against it.
func TestWritesThatTheJournalHasAlone(t *testing.T) {
	dir, lost := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "lost")
	s := open(t, dir)
	addUser(t, s, "ann@example.org")
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	users, err := storagedb.New(storagedb.Config{Dir: filepath.Join(dir, "storage"), Now: func() time.Time { return moment }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = users.Close(context.Background()) }()
	file := filepath.Join("storage", storagedb.Name(7))
	for i := range 5 {
		err := users.Update(t.Context(), 7, storage.Durable, func(tx storage.Tx) error {
			return tx.Put("forms", []storage.Change{{ID: bso.ID("abcde"[i : i+1]), Fields: storage.FieldPayload, Payload: []byte("x")}})
		})
		if err != nil {
			t.Fatal(err)
		}
		if i == 2 { // what comes later is lost
			copyFile(t, dir, lost, file)
			copyFile(t, dir, lost, file+"-wal")
		}
	}
	for _, name := range []string{"token.sqlite", "accounts.sqlite", "token-secret", fmt.Sprintf("storage/%s/%016d.redo", storagedb.JournalFolder, 1)} {
		copyFile(t, dir, lost, filepath.FromSlash(name))
	}
	for name, from := range map[string]string{"running": dir, "after the loss": lost} {
		archive, restored := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "restored")
		write(t, from, archive)
		f, err := os.Open(archive)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Verify(t.Context(), f, t.TempDir()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
		if err := backup.Restore(t.Context(), archive, restored, rand.Reader, moment); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(restored, "storage", storagedb.JournalFolder)); err == nil {
			t.Errorf("%s: the restored folder has a journal", name)
		}
		if got := forms(t, restored, 7); got != "abcde" {
			t.Errorf("%s: restored %q", name, got)
		}
		_, err = backup.Check(t.Context(), from, t.TempDir(), func(f backup.Finding) {
			if f.Damaged {
				t.Errorf("%s: %+v", name, f)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
	if got := forms(t, lost, 7); got != "abcde" {
		t.Errorf("the server has %q", got)
	}
}

// A journal that is damaged is named, and no backup passes over what only it has.
func TestADamagedJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir)
	addUser(t, s, "ann@example.org")
	folder := filepath.Join(dir, "storage", storagedb.JournalFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%016d.redo", 1)), make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Write(t.Context(), source(dir), filepath.Join(t.TempDir(), "b")); err == nil {
		t.Error("it was backed up")
	}
	var found []backup.Finding
	if _, err := backup.Check(t.Context(), dir, t.TempDir(), func(f backup.Finding) { found = append(found, f) }); err != nil {
		t.Error(err)
	}
	if len(found) != 1 || found[0].Name != "storage/journal" || !found[0].Damaged {
		t.Errorf("found %+v", found)
	}
}

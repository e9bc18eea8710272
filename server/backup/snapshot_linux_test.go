package backup_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/server/backup"
)

// snapshotDir names the variable that makes TestSnapshotOfADisk back up that folder,
// which is read-only, to the file that snapshotFile names.
const snapshotDir, snapshotFile = "BACKUP_TEST_DIR", "BACKUP_TEST_FILE"

// A backup and a check of a read-only snapshot of a running server's disk include the content
// of the journals.
func TestSnapshotOfADisk(t *testing.T) {
	if dir := os.Getenv(snapshotDir); dir != "" {
		if f, err := os.Create(filepath.Join(dir, "x")); err == nil {
			f.Close()
			t.Fatal("the folder can be written")
		}
		write(t, dir, os.Getenv(snapshotFile))
		if _, err := backup.Check(t.Context(), dir, t.TempDir(), func(f backup.Finding) {
			if f.Damaged {
				t.Errorf("%+v", f)
			}
		}); err != nil {
			t.Error(err)
		}
		return
	}
	if err := exec.CommandContext(t.Context(), "unshare", "-rm", "true").Run(); err != nil {
		t.Skip("this system does not let a test mount anything")
	}
	base := t.TempDir()
	dir, snapshot, file := filepath.Join(base, "data"), filepath.Join(base, "snapshot"), filepath.Join(base, "b")
	s := open(t, dir)
	addUser(t, s, "ann@example.org")
	if info, err := os.Stat(filepath.Join(dir, "accounts.sqlite-wal")); err != nil || info.Size() == 0 {
		t.Fatalf("the journal is empty: %v", err)
	}
	// All that a disk holds but what no snapshot does: the journal's index is memory.
	for _, name := range []string{"accounts.sqlite", "accounts.sqlite-wal", "token.sqlite", "token.sqlite-wal", "token-secret"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(snapshot, "storage"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(snapshot, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "unshare", "-rm", "sh", "-c",
		`mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2" -test.run '^TestSnapshotOfADisk$'`, "sh", snapshot, self)
	c.Env = append(os.Environ(), snapshotDir+"="+snapshot, snapshotFile+"="+file)
	if out, err := c.CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("mount:")) {
			t.Skipf("this system does not let a test mount anything: %s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	restored := filepath.Join(base, "again")
	if err := backup.Restore(t.Context(), file, restored, rand.Reader, moment); err != nil {
		t.Fatal(err)
	}
	if got := emails(t, open(t, restored)); got != "ann@example.org" {
		t.Errorf("restored the users %s", got)
	}
}

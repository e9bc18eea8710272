package server_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/backup"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
)

// otherBackend is a backend without optional features.
type otherBackend struct {
	storage.Backend
	unwell error
	closed int
}

func (e *otherBackend) NodeType() string { return "other" }

func (e *otherBackend) Probe(context.Context) error { return e.unwell }

func (e *otherBackend) Close(ctx context.Context) error {
	e.closed++
	return e.Backend.Close(ctx)
}

func newOtherBackend(t *testing.T, c *server.Config) *otherBackend {
	t.Helper()
	files, err := sqlite.New(sqlite.Config{Dir: t.TempDir(), Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return &otherBackend{Backend: files}
}

// An app's own backend stores the records. Operators' methods work with it; those that need
// files fail before they change anything.
func TestAnotherBackend(t *testing.T) {
	t.Parallel()
	var other *otherBackend
	w := newEnv(t, func(c *server.Config) {
		other = newOtherBackend(t, c)
		c.Backend, c.Quota = other, 2048
		c.Disk = func(string) (left, size int64, err error) { return 1 << 40, 1 << 41, nil }
	})
	d := w.device(true)
	if d.token.NodeType != "other" {
		t.Errorf("clients are told that the storage is %q", d.token.NodeType)
	}
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	if got := d.must("GET", "/storage/forms/x", ""); !strings.Contains(got, "sealed") {
		t.Errorf("stored: %s", got)
	}
	if code, _ := d.do("PUT", "/storage/forms/y", `{"payload":"`+strings.Repeat("x", 2048)+`"}`); code != 403 {
		t.Errorf("over the quota: %d", code)
	}
	users, err := w.server.Users(t.Context())
	if err != nil || len(users) != 1 || users[0].Bytes != 6 || users[0].Storage != d.token.UID {
		t.Errorf("%+v, %v", users, err)
	}
	if err := w.server.Purge(t.Context()); err != nil {
		t.Error(err)
	}

	if _, err := w.server.Repair(t.Context(), email, true); !errors.Is(err, server.ErrNoFiles) {
		t.Errorf("repair: %v", err)
	}
	if _, err := w.server.Compact(t.Context(), email); !errors.Is(err, server.ErrNoFiles) {
		t.Errorf("compact: %v", err)
	}
	to := filepath.Join(t.TempDir(), "backup.tar")
	if _, err := backup.Write(t.Context(), backup.Source{Dir: w.cfg.Dir, Now: w.Now}, to); !errors.Is(err, backup.ErrElsewhere) {
		t.Errorf("backup: %v", err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("there is a backup without the records")
	}
	d.must("GET", "/storage/forms/x", "")

	if err := w.server.RemoveUser(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	err = other.States(t.Context(), func(st storage.State) error { t.Errorf("left: %+v", st); return nil })
	if err != nil {
		t.Error(err)
	}
	if h, _ := w.server.Health(t.Context()); !h.OK {
		t.Errorf("%+v", h)
	}
	w.Pass(5 * time.Second)
	other.unwell = storage.ErrFull
	if h, _ := w.server.Health(t.Context()); h.OK || h.Reason != "disk_full" || h.Checks["storage"] != "Err" {
		t.Errorf("a full backend: %+v", h)
	}
	if err := w.server.Close(t.Context()); err != nil || other.closed != 1 {
		t.Errorf("closed %d times, %v", other.closed, err)
	}
}

// A backend never hides records that are in the data folder already.
func TestAnotherBackendBesideFiles(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	w.device(true).must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := w.cfg
	other := newOtherBackend(t, &cfg)
	cfg.Backend = other
	if _, err := server.New(t.Context(), cfg); !errors.Is(err, server.ErrTwoStorages) || other.closed != 1 {
		t.Errorf("%v, closed %d times", err, other.closed)
	}
	w.open()
	d := w.device(false)
	if d.token.NodeType != "sqlite" {
		t.Errorf("clients are told that the storage is %q", d.token.NodeType)
	}
	if got := d.must("GET", "/storage/forms/x", ""); !strings.Contains(got, "sealed") {
		t.Errorf("stored: %s", got)
	}
}

// Records that are in another storage are never hidden by an empty folder.
func TestADataFolderWithoutItsRecords(t *testing.T) {
	t.Parallel()
	var other *otherBackend
	w := newEnv(t, func(c *server.Config) {
		other = newOtherBackend(t, c)
		c.Backend = other
	})
	w.device(true).must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := w.cfg
	cfg.Backend = nil
	if _, err := server.New(t.Context(), cfg); !errors.Is(err, server.ErrNoStorage) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(filepath.Join(cfg.Dir, "storage")); err == nil {
		t.Error("an empty storage was made")
	}
}

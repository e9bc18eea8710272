package server_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// A damaged file is set aside while the server runs. The user's tokens become invalid, new
// ones lead to an empty storage with another number, and the old file is kept.
func TestRepair(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	old := d.token.UID
	if _, err := w.server.Repair(t.Context(), email, false); !errors.Is(err, server.ErrSound) {
		t.Errorf("a sound file: %v", err)
	}
	if _, err := w.server.Repair(t.Context(), "nobody@example.org", false); !errors.Is(err, server.ErrNoUser) {
		t.Errorf("nobody's file: %v", err)
	}
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.cfg.Dir, "storage", "01", "1.sqlite")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.open()
	d = w.device(false)
	if code, _ := d.do("GET", "/info/collections", ""); code != http.StatusInternalServerError {
		t.Errorf("before the repair: %d", code)
	}
	// A sweep goes on, and its log names the file.
	w.ticks <- time.Time{}
	w.ticks <- time.Time{} // when this is taken, the first sweep is done
	if log := w.log.String(); !strings.Contains(log, "a user's file is damaged") || !strings.Contains(log, "storage=1") {
		t.Errorf("the log: %s", log)
	}
	done, err := w.server.Repair(t.Context(), "1", false) // by the file's number
	if err != nil || done.Storage <= old || done.UID != d.account.Session().UID {
		t.Fatalf("%+v, %v", done, err)
	}
	if b, err := os.ReadFile(filepath.Join(w.cfg.Dir, done.Path)); err != nil || !strings.HasPrefix(string(b), "no database") {
		t.Errorf("the old file: %.20q, %v", b, err)
	}
	if code, _ := d.do("GET", "/info/collections", ""); code != http.StatusUnauthorized {
		t.Errorf("a token for the old storage: %d", code)
	}
	d.renew()
	if d.token.UID != done.Storage || !strings.HasSuffix(d.token.Endpoint, "/2") {
		t.Errorf("a new token leads to %s", d.token.Endpoint)
	}
	if got := d.must("GET", "/info/collections", ""); got != "{}" {
		t.Errorf("the new storage holds %s", got)
	}
	users, err := w.server.Users(t.Context())
	if err != nil || len(users) != 1 || users[0].Damaged != "" {
		t.Errorf("%+v, %v", users, err)
	}
}

// Users whose files are damaged are listed like the others.
func TestUsersWithADamagedFile(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	w.device(true).must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.cfg.Dir, "storage", "01", "1.sqlite")
	if err := os.Truncate(path, 10_000); err != nil {
		t.Fatal(err)
	}
	w.open()
	users, err := w.server.Users(t.Context())
	if err != nil || len(users) != 1 || !strings.Contains(users[0].Damaged, sqlite.ErrCorrupt.Error()) {
		t.Errorf("%+v, %v", users, err)
	}
}

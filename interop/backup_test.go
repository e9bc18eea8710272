package interop_test

import (
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/syncmanager/syncmanager/internal/testworld"
	"github.com/syncmanager/syncmanager/server/backup"
)

// TestBackup loses the server's data folder and restores it from a backup, and
// the same Firefox syncs on: it need not sign in, and what it changed since the
// backup comes back.
func TestBackup(t *testing.T) {
	var current atomic.Pointer[http.Handler]
	w := testworld.ListenThrough(t, func(h http.Handler) http.Handler {
		current.Store(&h)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*current.Load()).ServeHTTP(w, r) })
	})
	ff := firefox(t, w)
	addToFirefox(t, ff, "https://before.example", "ann", "before the backup")
	syncFirefox(t, ff)
	d := w.Device("our device", ann)
	d.Sync()

	file := filepath.Join(t.TempDir(), "backup.tar")
	_, err := backup.Write(t.Context(), backup.Source{Dir: w.Dir, Now: w.Clock.Now}, file)
	check(t, err)
	addToFirefox(t, ff, "https://lost.example", "ann", "after the backup")
	syncFirefox(t, ff)
	w.Restart(func() {
		check(t, os.RemoveAll(w.Dir))
		check(t, backup.Restore(t.Context(), file, w.Dir))
	})
	h := w.Server.Handler()
	current.Store(&h)

	addToFirefox(t, ff, "https://after.example", "ann", "after the restore")
	syncFirefox(t, ff)
	d.Add("https://ours.example", "ann", "made here")
	d.Sync()
	syncFirefox(t, ff)
	d.Sync()
	got := loginsOf(t, ff)
	for site, want := range map[string]string{
		"https://before.example ann": "before the backup", "https://after.example ann": "after the restore", "https://ours.example ann": "made here",
	} {
		if got[site] != want || d.Logins()[site] != want {
			t.Errorf("%s: Firefox has %q, we have %q, want %q", site, got[site], d.Logins()[site], want)
		}
	}
	// Firefox keeps it, and gives it to the others with its next change.
	if got["https://lost.example ann"] != "after the backup" {
		t.Error("Firefox lost what the backup was too old for")
	}
}

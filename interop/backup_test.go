package interop_test

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server/backup"
)

// TestBackup loses the server's data folder and restores it from a backup, and
// the same Firefox syncs on: it need not sign in. The storage has new sync IDs, which
// both Firefox and our client follow: each compares all that it has, so that what either
// uploaded since the backup comes back to the other at once.
func TestBackup(t *testing.T) {
	t.Parallel()
	var current atomic.Pointer[http.Handler]
	w := testenv.ListenThrough(t, func(h http.Handler) http.Handler {
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
	d.Add("https://here.example", "ann", "made here after the backup")
	d.Sync()
	l, err := d.Passwords.Get(t.Context(), engine.ID(guidOf(t, ff, "https://before.example")))
	check(t, err)
	l.Password = "changed after the backup"
	_, err = d.Passwords.Update(t.Context(), l)
	check(t, err)
	d.Sync()
	// Our device sees nothing of this one before the restore.
	addToFirefox(t, ff, "https://lost.example", "ann", "after the backup")
	syncFirefox(t, ff)
	w.Restart(func() {
		check(t, os.RemoveAll(w.Dir))
		check(t, backup.Restore(t.Context(), file, w.Dir, rand.Reader))
	})
	h := w.Server.Handler()
	current.Store(&h)

	addToFirefox(t, ff, "https://after.example", "ann", "after the restore")
	syncFirefox(t, ff)
	d.Sync()
	syncFirefox(t, ff)
	agree(t, d, ff, map[string]string{
		"https://before.example ann": "changed after the backup", "https://here.example ann": "made here after the backup",
		"https://lost.example ann": "after the backup", "https://after.example ann": "after the restore",
	})
	// Nothing is new then, for either.
	if r := d.Sync(); r.Requests > 3 || r.Engines["passwords"].Uploaded > 0 {
		t.Errorf("at rest: %+v", r)
	}
	if r := syncFirefox(t, ff); r.Engines["passwords"].Applied+r.Engines["passwords"].Sent > 0 {
		t.Errorf("Firefox at rest: %+v", r.Engines["passwords"])
	}
}

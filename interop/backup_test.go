package interop_test

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server/backup"
	storagedb "github.com/syncmanager/syncmanager/server/storage/sqlite"
)

// TestBackup goes through what an operator does to a server that a Firefox and a device of
// ours use: its data is lost and restored from a backup, and then the user's file is
// damaged and repaired.
func TestBackup(t *testing.T) {
	t.Parallel()
	var current atomic.Pointer[http.Handler]
	w := testenv.ListenThrough(t, func(h http.Handler) http.Handler {
		current.Store(&h)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*current.Load()).ServeHTTP(w, r) })
	})
	restart := func(between func()) {
		w.Restart(between)
		h := w.Server.Handler()
		current.Store(&h)
	}
	ff := firefox(t, w)
	for _, name := range []string{"before", "alone", "renamed", "gone"} {
		site := "https://" + name + ".example"
		_, err := ff.AddLogin(t.Context(), firefoxsync.Login{
			Origin: site, FormActionOrigin: &site, Username: "ann", Password: "before the backup",
			TimePasswordChanged: time.Now().Add(-time.Minute).UnixMilli(),
		})
		check(t, err)
	}
	mark := addBookmark(t, ff, firefoxsync.Bookmark{Kind: firefoxsync.PlainBookmark, Parent: firefoxsync.Unfiled, Index: 0, Title: "old", URL: "https://mark.example/"})
	folder := addBookmark(t, ff, firefoxsync.Bookmark{Kind: firefoxsync.Folder, Parent: firefoxsync.Unfiled, Index: firefoxsync.Last, Title: "folder"})
	check(t, ff.AddFormEntry(t.Context(), "field", "old"))
	syncFirefox(t, ff)
	d := w.Browser("our device", ann)
	d.Sync()
	restore := backUp(t, w)
	// Firefox compares an edit with a record in the backup by their ages, in seconds.
	w.Clock.Pass(10 * time.Second)

	// Each side sends what the backup lacks, and the other receives some of it.
	edit := func(site string, change func(*firefoxsync.Login)) {
		t.Helper()
		check(t, ff.EditLogin(t.Context(), guidOf(t, ff, "https://"+site+".example"), change))
	}
	d.Add("https://here.example", "ann", "made here after the backup")
	l, err := d.Passwords.Get(t.Context(), engine.ID(guidOf(t, ff, "https://before.example")))
	check(t, err)
	l.Password = "changed after the backup"
	_, err = d.Passwords.Update(t.Context(), l)
	check(t, err)
	d.Sync()
	// Our device sees nothing of these before the restore.
	edit("alone", func(l *firefoxsync.Login) { l.Password = "changed in Firefox alone" })
	edit("renamed", func(l *firefoxsync.Login) { l.Username = "renamed in Firefox alone" })
	check(t, ff.RemoveLogin(t.Context(), guidOf(t, ff, "https://gone.example")))
	addToFirefox(t, ff, "https://lost.example", "ann", "after the backup")
	check(t, ff.EditBookmark(t.Context(), mark, func(b *firefoxsync.Bookmark) { b.Title = "new" }))
	check(t, ff.MoveBookmark(t.Context(), mark, folder, 0))
	addBookmark(t, ff, firefoxsync.Bookmark{Kind: firefoxsync.PlainBookmark, Parent: folder, Index: firefoxsync.Last, Title: "added", URL: "https://added.example/"})
	check(t, ff.AddVisits(t.Context(), firefoxsync.Page{URL: "https://visited.example/", Title: "visited", Visits: []firefoxsync.Visit{{Time: time.Now().UnixMicro(), Transition: 1}}}))
	check(t, ff.AddFormEntry(t.Context(), "field", "new"))
	syncFirefox(t, ff)

	want := map[string]string{
		"https://before.example ann": "changed after the backup", "https://here.example ann": "made here after the backup",
		"https://alone.example ann": "changed in Firefox alone",
		// Firefox takes the time of a login's last password for that of its last change, even
		// if that is its deletion: the records in the backup are newer to it.
		"https://renamed.example ann": "before the backup", "https://gone.example ann": "before the backup",
		"https://lost.example ann": "after the backup",
	}
	// whole fails unless the device and Firefox have all of it.
	whole := func(d *testenv.Device) {
		t.Helper()
		agree(t, d, ff, want)
		tree, err := ff.Bookmarks(t.Context())
		check(t, err)
		if got := outline(tree.Find(firefoxsync.Unfiled)); got != "folder(new added)" {
			t.Errorf("Firefox has the bookmarks %q", got)
		}
		ours := ourSide{d}.tree(t)
		if got := outline(ours.Find(firefoxsync.Unfiled)); got != "folder(new added)" {
			t.Errorf("%s has the bookmarks %q", d.Name, got)
		}
		if p, err := d.History.GetURL(t.Context(), "https://visited.example/"); err != nil || p.Title != "visited" {
			t.Errorf("%s has the page %+v: %v", d.Name, p, err)
		}
	}

	t.Run("restored", func(t *testing.T) {
		restart(restore)
		if w.Database() != "" { // what 'syncmanager server restored' does
			_, err := w.Server.RenewSyncIDs(t.Context())
			check(t, err)
		}
		// Firefox does not sign in again, and syncs first.
		addToFirefox(t, ff, "https://after.example", "ann", "after the restore")
		want["https://after.example ann"] = "after the restore"
		syncFirefox(t, ff)
		d.Sync()
		syncFirefox(t, ff)
		d.Sync()
		whole(d)
		entries, err := ff.FormEntries(t.Context())
		if err != nil || len(entries) != 2 {
			t.Errorf("Firefox has the form entries %v: %v", entries, err)
		}
		// Nothing is new then, for either.
		if r := d.Sync(); r.Requests > 3 || r.Engines["passwords"].Uploaded > 0 {
			t.Errorf("at rest: %+v", r)
		}
		if r := syncFirefox(t, ff); r.Engines["passwords"].Applied+r.Engines["passwords"].Sent > 0 {
			t.Errorf("Firefox at rest: %+v", r.Engines["passwords"])
		}
	})

	t.Run("repaired", func(t *testing.T) {
		pgtest.OnFiles(t)
		path := filepath.Join(w.Dir, "storage", storagedb.Name(1)) // the only user's
		restart(func() { check(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600)) })
		if _, err := ff.Sync(t.Context()); err == nil {
			t.Error("Firefox found nothing wrong with a damaged storage")
		}
		// The server and Firefox keep running: the first sync ends with a token that is no
		// longer valid, and the next fills the storage. A new device has all of it before ours
		// syncs.
		done, err := w.Server.Repair(t.Context(), ann, false)
		if err != nil || done.Storage == 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		if _, err := ff.Sync(t.Context()); err == nil {
			t.Error("Firefox found its token good")
		}
		syncFirefox(t, ff)
		fresh := w.Browser("a new device", ann)
		fresh.Sync()
		whole(fresh)
		d.Sync()
		fresh.Sync()
		syncFirefox(t, ff)
		whole(d)
		whole(fresh)
		if r := d.Sync(); r.Requests > 3 || r.Engines["passwords"].Uploaded+r.Engines["bookmarks"].Uploaded > 0 {
			t.Errorf("at rest: %+v", r)
		}
	})
}

// backUp copies all data of the server of w. What it returns puts it back into the place of what is lost.
func backUp(t *testing.T, w *testenv.Env) (restore func()) {
	t.Helper()
	if database := w.Database(); database != "" {
		return pgtest.Dump(t, database)
	}
	file := filepath.Join(t.TempDir(), "backup.tar")
	_, err := backup.Write(t.Context(), backup.Source{Dir: w.Dir, Now: w.Clock.Now}, file)
	check(t, err)
	return func() {
		check(t, os.RemoveAll(w.Dir))
		check(t, backup.Restore(t.Context(), file, w.Dir, rand.Reader, w.Clock.Now()))
	}
}

func addBookmark(t *testing.T, ff *firefoxsync.Firefox, b firefoxsync.Bookmark) string {
	t.Helper()
	guid, err := ff.AddBookmark(t.Context(), b)
	check(t, err)
	return guid
}

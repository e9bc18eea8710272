package places_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/internal/places"
)

var now = time.UnixMicro(1_795_370_000_000_000)

func open(t testing.TB, path string) *places.DB {
	t.Helper()
	db, err := places.Open(t.Context(), places.Config{Path: path, Now: func() time.Time { return now }, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func update(t testing.TB, db *places.DB, f func(*places.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func TestAPlaceStaysForItsBookmark(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "places.sqlite"))
	var id int64
	update(t, db, func(tx *places.Tx) (err error) {
		if id, err = tx.Ensure("https://www.example.org/a"); err != nil {
			return err
		}
		return tx.SetBookmarked(id, places.Bookmarked{Count: 1, Added: now.UnixMicro(), Text: "Kürbis suppe"})
	})
	found, err := db.Search(t.Context(), "kurb exam", places.Anything, 10)
	if err != nil || len(found) != 1 || found[0].Bookmarks != 1 || found[0].Frecency == 0 {
		t.Fatalf("found %+v, %v; want the bookmark", found, err)
	}
	update(t, db, func(tx *places.Tx) error {
		again, err := tx.Ensure("https://www.example.org/a")
		if again != id {
			t.Errorf("made %d again; want %d", again, id)
		}
		return err
	})
	update(t, db, func(tx *places.Tx) error { return tx.SetBookmarked(id, places.Bookmarked{}) })
	update(t, db, func(tx *places.Tx) error {
		if _, ok, err := tx.Get(id); ok || err != nil {
			t.Errorf("it is still there, %v", err)
		}
		return nil
	})
	if found, err := db.Search(t.Context(), "kurb", places.Anything, 10); err != nil || len(found) != 0 {
		t.Errorf("found %+v, %v; want nothing", found, err)
	}
	var origins int
	if err := db.Read().QueryRow(`SELECT count(*) FROM origins`).Scan(&origins); err != nil || origins != 0 {
		t.Errorf("%d origins are left, %v", origins, err)
	}
}

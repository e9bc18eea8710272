package bookmarks_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// TestTheNewerEditWins: both sides rename a bookmark, and this device syncs long
// after the collection was last written to.
func TestTheNewerEditWins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, first, second string
		// skew is how far the server's clock is ahead of the device's.
		skew time.Duration
	}{
		{"theirs is older", "theirs", "ours", 0},
		{"ours is older", "ours", "theirs", 0},
		{"theirs is older, and our clock is slow", "theirs", "ours", time.Hour},
		{"ours is older, and our clock is fast", "ours", "theirs", -time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount()
			e := open(t, filepath.Join(t.TempDir(), "places.sqlite"), func() time.Time { return a.now().Add(-c.skew) })
			t.Cleanup(func() { _ = e.Close() })
			d := &device{Engine: e, t: t, a: a, start: engine.Start{Skew: c.skew}}
			guid := d.add(bookmarks.Toolbar, "old")
			d.sync()
			for _, title := range []string{c.first, c.second} {
				if title == "theirs" {
					a.put(guid, `{"id":"`+string(guid)+`","type":"bookmark","parentid":"toolbar","title":"theirs","bmkUri":"https://example.org/old"}`)
					continue
				}
				a.tick()
				if _, err := d.UpdateFields(t.Context(), guid, bookmarks.Change{Title: &title}); err != nil {
					t.Fatal(err)
				}
			}
			a.at += 360_000 // an hour later
			d.start.Skew = c.skew
			d.sync()
			if it, err := d.Get(t.Context(), guid); err != nil || it.Title != c.second {
				t.Errorf("the title is %q, want %q: %v", it.Title, c.second, err)
			}
		})
	}
}

// Other devices ignore a date of addition in the future. The device whose clock was wrong does
// too, or the devices would have different dates.
func TestABookmarkByAClockThatIsFarAhead(t *testing.T) {
	t.Parallel()
	a := newAccount()
	const ahead = 40 * time.Hour
	e := open(t, filepath.Join(t.TempDir(), "places.sqlite"), func() time.Time { return a.now().Add(ahead) })
	t.Cleanup(func() { _ = e.Close() })
	wrong := &device{Engine: e, t: t, a: a, start: engine.Start{Skew: -ahead}}
	other := a.device(t)
	guid := wrong.add(bookmarks.Toolbar, "page")
	for range 2 {
		wrong.sync()
		other.sync()
	}
	mine, err := wrong.Get(t.Context(), guid)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := other.Get(t.Context(), guid)
	if err != nil || !mine.Added.Equal(theirs.Added) || mine.Added.After(a.now()) {
		t.Errorf("it was added at %v here and at %v there, and it is %v: %v", mine.Added, theirs.Added, a.now(), err)
	}
}

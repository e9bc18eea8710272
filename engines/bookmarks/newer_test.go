package bookmarks_test

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// TestTheNewerEditWins: both sides rename a bookmark, and this device syncs long
// after the collection was last written to.
func TestTheNewerEditWins(t *testing.T) {
	for _, c := range []struct {
		name string
		// skew is how far the server's clock is ahead of the devices'.
		skew  time.Duration
		first func(theirs, ours func())
		want  string
	}{
		{"theirs is older", 0, func(theirs, ours func()) { theirs(); ours() }, "ours"},
		{"ours is older", 0, func(theirs, ours func()) { ours(); theirs() }, "theirs"},
		{"ours is older, and our clock is fast", -time.Hour, func(theirs, ours func()) { ours(); theirs() }, "theirs"},
		{"theirs is older, and our clock is slow", time.Hour, func(theirs, ours func()) { theirs(); ours() }, "ours"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount()
			d := a.device(t)
			guid := d.add(bookmarks.Toolbar, "old")
			d.sync()
			ticks := engine.Timestamp(c.skew / (10 * time.Millisecond))
			c.first(func() {
				at := a.at
				a.put(guid, `{"id":"`+string(guid)+`","type":"bookmark","parentid":"toolbar","title":"theirs","bmkUri":"https://example.org/old"}`)
				in := a.records[guid]
				in.Modified += ticks
				a.records[guid] = in
				a.at = at + 100
			}, func() {
				a.tick()
				title := "ours"
				if _, err := d.Edit(t.Context(), guid, bookmarks.Change{Title: &title}); err != nil {
					t.Fatal(err)
				}
			})
			for range 100 {
				a.tick()
			}
			d.start.Skew = c.skew
			d.sync()
			it, err := d.Get(t.Context(), guid)
			if err != nil {
				t.Fatal(err)
			}
			if it.Title != c.want {
				t.Errorf("the title is %q, want %q", it.Title, c.want)
			}
		})
	}
}

package bookmarks_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// An item that is uploaded again without an edit by the user does not count as edited: if
// another device deleted it meanwhile, it is deleted, also after a lost receipt.
func TestADeletionBeatsWhatOnlyGoesUpAgain(t *testing.T) {
	t.Parallel()
	title := "edited"
	for _, c := range []struct {
		name string
		// send makes the item go up from the first device, and returns it.
		send func(p *pair) engine.ID
		// edited: the user edits it after that, before the deletion comes.
		edited bool
		want   []string
	}{
		{"the server lost it", func(p *pair) engine.ID {
			p.restore(nil)
			p.one.a.records = map[engine.ID]engine.Incoming{}
			return p.c
		}, false, []string{"a", "b", "f/"}},
		{"the server lost it, and it was edited", func(p *pair) engine.ID {
			p.restore(nil)
			p.one.a.records = map[engine.ID]engine.Incoming{}
			return p.c
		}, true, []string{"a", "b", title, "f/"}},
		{"the server lost an edited one", func(p *pair) engine.ID {
			p.one.retitle(p.c, title)
			p.restore(nil)
			p.one.a.records = map[engine.ID]engine.Incoming{}
			return p.c
		}, false, []string{"a", "b", title, "f/"}},
		{"the server went back", func(p *pair) engine.ID {
			backup := maps.Clone(p.one.a.records)
			p.one.retitle(p.c, "newer")
			p.settle(t)
			p.restore(backup)
			return p.c
		}, false, []string{"a", "b", "f/"}},
		{"its date was put right", func(p *pair) engine.ID {
			p.one.a.put(p.c, strings.Replace(string(p.one.a.records[p.c].Payload), `"dateAdded":`, `"dateAdded":9`, 1))
			return p.c
		}, false, []string{"a", "b", "f/"}},
		{"it is new", func(p *pair) engine.ID { return p.one.add(bookmarks.Menu, "new") }, false, []string{"a", "b", "c", "f/"}},
		{"it is new, and was edited", func(p *pair) engine.ID { return p.one.add(bookmarks.Menu, "new") }, true, []string{"a", "b", "c", "f/", title}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			guid := c.send(p)
			p.one.lose = 1
			if _, out := p.one.sync(); len(out) == 0 {
				t.Fatal("nothing goes up")
			}
			p.one.lose = 0
			p.two.sync()
			p.two.remove(guid)
			p.two.sync()
			if c.edited {
				p.one.retitle(guid, title)
			}
			p.settle(t)
			p.one.want(bookmarks.Menu, c.want...)
			p.two.want(bookmarks.Menu, c.want...)
		})
	}
}

func (d *device) retitle(guid engine.ID, title string) {
	d.t.Helper()
	if _, err := d.UpdateFields(d.t.Context(), guid, bookmarks.Change{Title: &title}); err != nil {
		d.t.Fatal(err)
	}
}

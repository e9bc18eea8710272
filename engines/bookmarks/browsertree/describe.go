package browsertree

import (
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

const fromStore = tree.FromRemote

func (c *Changes) any() bool { return c.Added+c.Changed+c.Moved+c.Sorted+c.Deleted > 0 }

// The words of Line.Do beside those of operations.
const (
	added   = "add"
	changed = "change"
	moved   = "move"
	deleted = "delete"
)

// count counts a change, and names it among the first.
func (c *Changes) count(counter *int, l Line) {
	if *counter++; *counter <= maxLines {
		c.Items = append(c.Items, l)
	}
}

// describe says what changes on either side.
func (x *exchange) describe() {
	x.result = Result{}
	x.describeStore()
	x.describeBrowser()
	x.result.BrowserOnly = len(x.report.left)
	for id := range x.plan.hidden {
		if !isRoot(id) {
			x.result.StoreOnly++
		}
	}
}

func (x *exchange) describeStore() {
	c, m := &x.result.Store, x.merged
	line := func(do string, it *item, in *side) Line {
		return Line{do, it.value.Title, it.value.URL, in.title(it.parent)}
	}
	m.each(func(it *item) {
		was := x.store.items[it.guid]
		if was == nil {
			c.count(&c.Added, line(added, it, m.side))
			return
		}
		if m.changes(was, it) {
			c.count(&c.Changed, line(changed, it, m.side))
		}
		if was.parent != it.parent {
			c.count(&c.Moved, line(moved, it, m.side))
		}
	})
	for _, id := range m.deletions(x.store) {
		c.count(&c.Deleted, line(deleted, x.store.items[id], x.store))
	}
	for folder, children := range m.children {
		if folder != bookmarks.Root && !slices.Equal(common(children, x.store, folder), common(x.store.children[folder], m.side, folder)) {
			c.Sorted++
		}
	}
}

// common are the items of a list that are in the folder on a side too.
func common(list []engine.ID, s *side, folder engine.ID) (both []engine.ID) {
	for _, id := range list {
		if it := s.items[id]; it != nil && it.parent == folder {
			both = append(both, id)
		}
	}
	return both
}

// titles of the roots, as a browser shows them.
var rootTitles = map[engine.ID]string{menu: MenuTitle, toolbar: "Bookmarks bar", unfiled: "Other bookmarks", mobile: MobileTitle}

// title is the title of a folder.
func (s *side) title(folder engine.ID) string {
	if t, ok := rootTitles[folder]; ok {
		return t
	}
	if it := s.items[folder]; it != nil {
		return it.value.Title
	}
	return ""
}

func (x *exchange) describeBrowser() {
	c := &x.result.Browser
	for _, op := range x.plan.ops {
		l := Line{Title: op.Title, URL: op.URL}
		if op.Was != nil && op.Title == "" {
			l.Title, l.URL = op.Was.Title, op.Was.URL
		}
		folder := op.Parent
		if op.Was != nil && folder == "" {
			folder = x.report.nodes[op.ID].Parent
		}
		if n := x.report.nodes[folder]; n != nil {
			l.In = n.Title
		}
		switch {
		case op.Do == Create:
			l.Do = added
			c.count(&c.Added, l)
		case op.Do == Update:
			l.Do = changed
			c.count(&c.Changed, l)
		case op.Do == Remove:
			l.Do = deleted
			c.count(&c.Deleted, l)
		case op.Was.Parent == op.Parent:
			c.Sorted++
		default:
			l.Do = moved
			c.count(&c.Moved, l)
		}
	}
}

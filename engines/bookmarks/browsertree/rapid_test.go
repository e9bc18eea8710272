package browsertree_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/bookmarks/browsertree"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

// world is a pair under random edits. Each bookmark has a URL of its own.
type world struct {
	*pair
	r    *rapid.T
	n    int
	gone map[string]bool // the URLs that a side deleted
}

func (w *world) pick(label string, n int) int { return rapid.IntRange(0, n-1).Draw(w.r, label) }

// editBrowser makes an edit as a user of the browser.
func (w *world) editBrowser() {
	var folders, items []string
	for _, id := range slices.Sorted(maps.Keys(w.nodes)) {
		n := w.nodes[id]
		if id != "0" && n.URL == nil {
			folders = append(folders, id)
		}
		if id != "0" && n.Parent != "0" {
			items = append(items, id)
		}
	}
	into := folders[w.pick("folder", len(folders))]
	op := w.pick("edit in the browser", 6)
	if op < 2 || len(items) == 0 {
		title, url := w.fresh()
		w.add(into, w.pick("at", 4)-1, title, url)
		return
	}
	id := items[w.pick("item", len(items))]
	switch op {
	case 2:
		w.nodes[id].Title += "'"
	case 3, 4:
		if !w.within(into, id) {
			w.move(id, into, w.pick("at", 4)-1)
		}
	case 5:
		w.bury(id)
		w.remove(id)
	}
}

func (w *world) bury(id string) {
	n := w.nodes[id]
	if n.URL != nil {
		w.gone[*n.URL] = true
	}
	for _, c := range n.children {
		w.bury(c)
	}
}

func (w *world) fresh() (title, url string) {
	w.n++
	title = fmt.Sprint("t", w.n)
	if w.pick("kind", 3) > 0 {
		url = site(title)
	}
	return title, url
}

// editStore makes an edit as another device does.
func (w *world) editStore() {
	ctx := w.tb.Context()
	var folders, items []bookmarks.Item
	for it, err := range w.store.List(ctx) {
		check(w.tb, err)
		items = append(items, it)
		if it.Kind == bookmarks.Folder {
			folders = append(folders, it)
		}
	}
	folders = append(folders, bookmarks.Item{ID: bookmarks.Toolbar}, bookmarks.Item{ID: bookmarks.Menu}, bookmarks.Item{ID: bookmarks.Unfiled}, bookmarks.Item{ID: bookmarks.Mobile})
	into := folders[w.pick("folder", len(folders))].ID
	op := w.pick("edit in the store", 7)
	if op < 2 || len(items) == 0 {
		title, url := w.fresh()
		kind := bookmarks.Kind(0)
		if url == "" && w.pick("separator", 2) == 0 {
			kind = bookmarks.Separator
		}
		w.put(into, w.pick("at", 4)-1, kind, title, url)
		return
	}
	it := items[w.pick("item", len(items))]
	switch op {
	case 2:
		title := it.Title + `"`
		_, err := w.store.UpdateFields(ctx, it.ID, bookmarks.Change{Title: &title})
		check(w.tb, err)
	case 3, 4:
		_ = w.store.Move(ctx, it.ID, into, w.pick("at", 4)-1) // into itself is refused
	case 5:
		below, err := w.store.Tree(ctx, it.ID)
		check(w.tb, err)
		w.buryStored(below)
		check(w.tb, w.store.Delete(ctx, it.ID))
	}
}

func (w *world) buryStored(n *bookmarks.Node) {
	if n.URL != "" {
		w.gone[n.URL] = true
	}
	for _, c := range n.Children {
		w.buryStored(c)
	}
}

// visible is the outline of the store as the browser shows it.
func visible(n *bookmarks.Node) string {
	var parts []string
	for _, c := range n.Children {
		switch c.Kind {
		case bookmarks.Folder:
			parts = append(parts, c.Title+"("+visible(c)+")")
		case bookmarks.Bookmark:
			parts = append(parts, c.Title)
		}
	}
	return strings.Join(parts, " ")
}

// TestConverges plays random edits on both sides, browsers that are killed among the operations
// and programs that are killed before they stored the view. In the end both sides have the same,
// and all that neither side deleted.
func TestConverges(t *testing.T) {
	t.Parallel()
	long.Check(t, 30, func(r *rapid.T) {
		w := &world{pair: newPair(t), r: r, gone: map[string]bool{}}
		made := map[string]bool{}
		for range rapid.IntRange(1, 5).Draw(r, "rounds") {
			for range w.pick("edits", 8) {
				if w.pick("where", 2) == 0 {
					w.editBrowser()
				} else {
					w.editStore()
				}
				w.note(made)
			}
			before, err := json.Marshal(w.view)
			check(t, err)
			q, acks := browsertree.Request{Agreed: true}, w.acks
			w.write() // what a user did is on the disk
			result := w.exchange(q)
			switch w.pick("end", 4) {
			case 0: // the program is killed before it stores the view; the first one has none
				if w.view, err = browsertree.Load(before); err != nil {
					w.view = &browsertree.View{Install: "one"}
				}
				w.acks = acks // they are sent again
				continue
			case 1: // the browser is killed, with or without what it did
				for _, op := range result.Ops[:w.pick("ops", len(result.Ops)+1)] {
					w.apply(op)
				}
				if w.pick("on the disk", 2) == 0 {
					w.write()
				}
				w.kill()
				w.exchange(q) // the extension reports at once
			case 2: // an acknowledged part
				for _, op := range result.Ops[:w.pick("ops", len(result.Ops)+1)] {
					w.apply(op)
				}
			default:
				for _, op := range result.Ops {
					w.apply(op)
				}
			}
			w.note(made)
		}
		w.settle()
		w.sameEverywhere(made)
	})
}

// note notes what there is.
func (w *world) note(made map[string]bool) {
	for _, n := range w.nodes {
		if n.URL != nil {
			made[*n.URL] = true
		}
	}
	for it, err := range w.store.List(w.tb.Context()) {
		check(w.tb, err)
		if it.URL != "" {
			made[it.URL] = true
		}
	}
}

func (w *world) sameEverywhere(made map[string]bool) {
	top, err := w.store.Tree(w.tb.Context(), bookmarks.Root)
	check(w.tb, err)
	w.aside = slices.Collect(maps.Values(w.view.Stand))
	here := map[string]string{}
	for _, root := range top.Children {
		here[string(root.ID)] = visible(root)
	}
	there := map[string]string{"toolbar_____": w.outline("1")}
	for _, root := range []engine.ID{bookmarks.Menu, bookmarks.Mobile} {
		if id := w.view.Stand[root]; w.nodes[id] != nil {
			there[string(root)] = w.outline(id)
		}
		if here[string(root)] != there[string(root)] {
			w.r.Fatalf("%s: the store has %q, the browser %q", root, here[string(root)], there[string(root)])
		}
	}
	if here["toolbar_____"] != there["toolbar_____"] {
		w.r.Fatalf("the store has %q, the browser %q", here["toolbar_____"], there["toolbar_____"])
	}
	count := map[string]int{}
	for _, n := range w.nodes {
		if n.URL != nil {
			count[*n.URL]++
		}
	}
	for url := range made {
		if n := count[url]; n > 1 || n == 0 && !w.gone[url] {
			w.r.Fatalf("%s is there %d times", url, n)
		}
	}
}

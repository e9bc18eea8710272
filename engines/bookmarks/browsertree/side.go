package browsertree

import (
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// roots are the folders of every tree, in their order.
var roots = [...]engine.ID{menu, toolbar, unfiled, mobile}

// side is a tree, of the browser, of the store, or of both.
type side struct {
	items    map[engine.ID]*item
	children map[engine.ID][]engine.ID
}

// item is an item of a side.
type item struct {
	guid, parent engine.ID
	kind         bookmarks.Kind
	value        value
	// node is the browser's ID, "" if it does not have it.
	node string
	// added and modified are in Unix milliseconds.
	added, modified int64
}

func newSide() *side {
	s := &side{items: map[engine.ID]*item{}, children: map[engine.ID][]engine.ID{}}
	for _, r := range roots {
		s.items[r] = &item{guid: r, parent: bookmarks.Root, kind: bookmarks.Folder}
		s.children[bookmarks.Root] = append(s.children[bookmarks.Root], r)
	}
	return s
}

// add adds an item as the last of its folder.
func (s *side) add(it *item) {
	s.items[it.guid] = it
	s.children[it.parent] = append(s.children[it.parent], it.guid)
}

// each calls f for all items but the roots, each folder before what is in it.
func (s *side) each(f func(*item)) {
	queue := slices.Clone(roots[:])
	for len(queue) > 0 {
		folder := queue[0]
		queue = queue[1:]
		for _, id := range s.children[folder] {
			it := s.items[id]
			f(it)
			if it.kind == bookmarks.Folder {
				queue = append(queue, id)
			}
		}
	}
}

// without returns how many items there are, the roots aside.
func (s *side) size() int { return len(s.items) - len(roots) }

// storeSide is the store as a side.
func storeSide(top *bookmarks.Node) *side {
	s := newSide()
	queue := []*bookmarks.Node{top}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, c := range n.Children {
			queue = append(queue, c)
			if isRoot(c.ID) {
				s.items[c.ID].modified = c.Modified.UnixMilli()
				continue
			}
			s.add(&item{guid: c.ID, parent: n.ID, kind: c.Kind, value: value{c.Title, c.URL}, added: c.Added.UnixMilli(), modified: c.Modified.UnixMilli()})
		}
	}
	return s
}

// baseSide is the base as a side, in the store's terms.
func (v *View) baseSide() (*side, map[engine.ID]*known) {
	s, byGUID := newSide(), make(map[engine.ID]*known, len(v.Base))
	for i := range v.Base {
		k := &v.Base[i]
		byGUID[k.GUID] = k
		s.add(&item{guid: k.GUID, parent: k.Parent, kind: k.Kind, value: k.stored(), node: k.ID, added: k.Added})
	}
	return s, byGUID
}

// inStore is a value of the browser as the store has it. ok is false if the store cannot.
func inStore(v value, kind bookmarks.Kind) (_ value, ok bool) {
	if kind == bookmarks.Folder {
		return v, true
	}
	url, err := places.Normalise(v.URL)
	if err != nil || len(url) > 6 && strings.EqualFold(url[:6], "place:") {
		return v, false
	}
	return value{v.Title, url}, true
}

// lineEnds are what Chromium replaces in titles.
var lineEnds = strings.NewReplacer("\n", " ", "\r", " ", "\t", " ", "\u2028", " ", "\u2029", " ")

// same reports whether a value of the browser says what one of the store does.
func same(browser, store value, kind bookmarks.Kind) bool {
	if browser.Title != store.Title && browser.Title != lineEnds.Replace(store.Title) {
		return false
	}
	if browser.URL == store.URL {
		return true
	}
	a, ok := inStore(browser, kind)
	b, err := places.Normalise(store.URL)
	return ok && err == nil && a.URL == b
}

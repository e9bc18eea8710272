package browsertree

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// report is a browser's tree as it was reported.
type report struct {
	nodes    map[string]*Node
	children map[string][]*Node
	// roots are the browser's folders of the four, by root; mobile and menu may be absent.
	roots map[engine.ID]string
	// standing are the roots of the folders that stand for them.
	standing map[string]engine.ID
	// left are the items that cannot be synced, and by which each item of the tree is named.
	left  map[string]bool
	guids map[string]engine.ID
}

// read sorts out what a browser reported.
func read(nodes []Node) (*report, error) {
	if len(nodes) > MaxNodes {
		return nil, malformed("they are more than %d", MaxNodes)
	}
	r := &report{
		nodes: make(map[string]*Node, len(nodes)), children: map[string][]*Node{}, roots: map[engine.ID]string{},
		standing: map[string]engine.ID{}, left: map[string]bool{}, guids: make(map[string]engine.ID, len(nodes)),
	}
	for i := range nodes {
		n := &nodes[i]
		if n.ID == "" || len(n.ID) > 64 || len(n.Parent) > 64 {
			return nil, malformed("item %d has no ID of at most 64 bytes", i)
		}
		if r.nodes[n.ID] != nil {
			return nil, malformed("the ID %.64q is there twice", n.ID)
		}
		r.nodes[n.ID] = n
		r.children[n.Parent] = append(r.children[n.Parent], n)
	}
	return r, nil
}

// types are the browser's words for roots, and their IDs in browsers that have no words.
var types = map[string]engine.ID{"bookmarks-bar": toolbar, "other": unfiled, "mobile": mobile}
var oldIDs = map[string]engine.ID{"1": toolbar, "2": unfiled, "3": mobile}

// findRoots finds the browser's folders that are merged.
func (r *report) findRoots(v *View) error {
	found := map[bool]map[engine.ID]string{false: {}, true: {}}
	old := !slices.ContainsFunc(r.children["0"], func(n *Node) bool { return n.Type != "" })
	for _, n := range r.children["0"] {
		root, ok := types[n.Type]
		if old {
			root, ok = oldIDs[n.ID]
		}
		if ok && n.URL == nil {
			found[n.Syncing][root] = n.ID
		}
	}
	whole := func(syncing bool) bool { return found[syncing][toolbar] != "" && found[syncing][unfiled] != "" }
	if v.Merged {
		if !whole(v.Syncing) {
			return ErrRoots
		}
	} else {
		switch {
		case !whole(false) && !whole(true):
			return malformed("there is no bookmarks bar")
		case !whole(false), whole(true) && r.isEmpty(found[false]):
			v.Syncing = true
		default:
			v.Syncing = false
		}
	}
	r.roots = found[v.Syncing]
	r.findStanding(v)
	return nil
}

func (r *report) isEmpty(roots map[engine.ID]string) bool {
	for _, id := range roots {
		if len(r.children[id]) > 0 {
			return false
		}
	}
	return true
}

// findStanding finds the folders that stand for roots which the browser lacks.
func (r *report) findStanding(v *View) {
	for _, root := range []engine.ID{menu, mobile} {
		id, had := v.Stand[root]
		switch n := r.nodes[id]; {
		case n != nil && n.URL == nil && n.Parent != "0":
		case root == mobile && r.roots[mobile] != "" && !had:
			continue
		case !v.Merged || v.isSent(root):
			id = r.folderOf(r.roots[unfiled], titleOf(root))
		default:
			id = ""
		}
		delete(v.Stand, root)
		if id != "" {
			v.stand(root, id)
			r.roots[root] = id
			r.standing[id] = root
		} else if root == menu || had {
			delete(r.roots, root)
		}
	}
}

func (v *View) isSent(guid engine.ID) bool {
	return slices.ContainsFunc(v.Sent, func(s sent) bool { return s.Create && s.GUID == guid })
}

// folderOf finds a folder by its title.
func (r *report) folderOf(parent, title string) string {
	for _, n := range r.children[parent] {
		if n.URL == nil && n.Title == title {
			return n.ID
		}
	}
	return ""
}

// identity is by which an item is found again whose ID has changed, as after a browser renumbered
// its bookmarks.
type identity struct {
	added int64
	value value
}

// matches finds the items of the base that nodes are.
type matches struct {
	byID map[string]*known
	// lost are those whose nodes are gone: a browser that gives its nodes new IDs keeps the rest.
	lost map[identity][]*known
}

func (r *report) matches(v *View, byGUID map[engine.ID]*known) matches {
	m := matches{map[string]*known{}, map[identity][]*known{}}
	for _, k := range byGUID {
		if k.ID == "" {
			continue
		}
		if n := r.nodes[k.ID]; n != nil && n.Added == k.Added && (n.URL == nil) == (k.Kind == bookmarks.Folder) {
			m.byID[k.ID] = k
		}
	}
	for i := range v.Base { // in their order
		if k := &v.Base[i]; k.ID != "" && m.byID[k.ID] != k {
			key := identity{k.Added, k.Value}
			m.lost[key] = append(m.lost[key], k)
		}
	}
	return m
}

// of returns the item of the base that a node with a value is, or nil.
func (m matches) of(n *Node, now value) *known {
	if k := m.byID[n.ID]; k != nil {
		return k
	}
	key := identity{n.Added, now}
	if len(m.lost[key]) == 0 {
		return nil
	}
	k := m.lost[key][0]
	m.lost[key] = m.lost[key][1:]
	return k
}

// side makes a side of what was reported, and of what the browser does not have of the base.
func (r *report) side(v *View, base *side, byGUID map[engine.ID]*known, now int64) *side {
	s := newSide()
	m := r.matches(v, byGUID)
	queue := make([]engine.ID, 0, len(r.nodes))
	for _, root := range roots {
		if id := r.roots[root]; id != "" {
			s.items[root].node = id
			queue = append(queue, root)
		}
	}
	for len(queue) > 0 {
		folder := s.items[queue[0]]
		queue = queue[1:]
		for _, n := range r.children[folder.node] {
			it := r.item(v, m, n, now)
			if it == nil {
				continue
			}
			it.parent = folder.guid
			s.add(it)
			if it.kind == bookmarks.Folder {
				queue = append(queue, it.guid)
			}
		}
	}
	s.addHidden(v, base)
	return s
}

// item makes the item of a node, without its parent, or returns nil for one that is left out.
func (r *report) item(v *View, m matches, n *Node, now int64) *item {
	if _, stands := r.standing[n.ID]; stands || n.Parent == "0" {
		return nil
	}
	it := &item{kind: bookmarks.Folder, value: value{Title: n.Title}, node: n.ID, added: n.Added, modified: now}
	if n.URL != nil {
		it.kind, it.value.URL = bookmarks.Bookmark, *n.URL
	}
	k := m.of(n, it.value)
	if _, ok := inStore(it.value, it.kind); !ok {
		if k == nil {
			r.left[n.ID] = true
			return nil
		}
		it.value = k.Value // what it became cannot be stored
	}
	if it.guid = v.derive(n); k != nil {
		it.guid = k.GUID
	}
	r.guids[n.ID] = it.guid
	return it
}

// adopt finds out which operations were applied of which no answer came, as when the browser was
// killed, and enters them into the base.
func (v *View) adopt(r *report) {
	if len(v.Sent) == 0 {
		return
	}
	ids, taken := make(map[engine.ID]string, len(v.Base)), make(map[string]bool, len(v.Base))
	for root, id := range r.roots {
		ids[root] = id
	}
	for i := range v.Base {
		ids[v.Base[i].GUID], taken[v.Base[i].ID] = v.Base[i].ID, true
	}
	var found []Ack
	for _, s := range v.Sent { // folders come before what was made in them
		var n *Node
		switch {
		case isRoot(s.GUID):
		case s.Create:
			at := slices.IndexFunc(r.children[ids[s.Parent]], func(n *Node) bool { return !taken[n.ID] && s.left(n) })
			if at >= 0 {
				n = r.children[ids[s.Parent]][at]
				ids[s.GUID], taken[n.ID] = n.ID, true
			}
		default:
			if n = r.nodes[ids[s.GUID]]; n != nil && !s.left(n) {
				n = nil
			}
		}
		if n != nil {
			v := valueOf(n)
			found = append(found, Ack{N: s.N, ID: n.ID, Title: v.Title, URL: v.URL, Added: n.Added})
		}
	}
	v.acknowledge(found)
}

// left reports whether an item is as an operation leaves it.
func (s *sent) left(n *Node) bool {
	return (n.URL == nil) == (s.Kind == bookmarks.Folder) && same(valueOf(n), s.Value, s.Kind)
}

// derive names a new item of the browser, always by the same name: an exchange that was
// interrupted makes no second one.
func (v *View) derive(n *Node) engine.ID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", v.Install, n.ID, n.Added))
	return engine.ID(base64.RawURLEncoding.EncodeToString(sum[:9]))
}

// addHidden adds what the browser does not have, behind the neighbours that it had and that did
// not move.
func (s *side) addHidden(v *View, base *side) {
	moved := map[engine.ID][]engine.ID{} // by folder: the base's list without what moved
	for i := range v.Base {
		k := &v.Base[i]
		if k.ID != "" {
			continue
		}
		it := &item{guid: k.GUID, parent: k.Parent, kind: k.Kind, value: k.stored()}
		if s.items[k.Parent] == nil {
			if k.Kind == bookmarks.Separator {
				continue // it goes with its folder
			}
			for s.items[it.parent] == nil {
				above := base.items[it.parent]
				if above == nil {
					above = &item{parent: unfiled}
				}
				it.parent = above.parent
			}
			s.add(it)
			continue
		}
		if moved[k.Parent] == nil {
			moved[k.Parent] = s.unmoved(base.children[k.Parent], s.children[k.Parent], base)
		}
		siblings := moved[k.Parent]
		s.items[it.guid] = it
		s.children[k.Parent] = insertAfter(s.children[k.Parent], siblings[:slices.Index(siblings, k.GUID)], k.GUID)
	}
}

// unmoved is was, the base's list of a folder, without the items of the browser that are
// elsewhere in now, the browser's list.
func (s *side) unmoved(was, now []engine.ID, base *side) []engine.ID {
	rank := make(map[engine.ID]int32, len(was))
	for i, id := range was {
		rank[id] = int32(i)
	}
	var ranks []int32
	for _, id := range now {
		if at, ok := rank[id]; ok {
			ranks = append(ranks, at)
		}
	}
	stays := make(map[engine.ID]bool, len(ranks))
	for i, ok := range tree.Increasing(ranks) {
		if ok {
			stays[was[ranks[i]]] = true
		}
	}
	var left []engine.ID
	for _, id := range was {
		if stays[id] || base.items[id].node == "" {
			left = append(left, id)
		}
	}
	return left
}

// insertAfter puts id behind the last of before that is in the list, or else at its beginning.
func insertAfter(list, before []engine.ID, id engine.ID) []engine.ID {
	for _, b := range slices.Backward(before) {
		if at := slices.Index(list, b); at >= 0 {
			return slices.Insert(list, at+1, id)
		}
	}
	return slices.Insert(list, 0, id)
}

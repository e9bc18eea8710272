package tree

import (
	"iter"
	"slices"
)

// none is a number that no node has.
const none int32 = -1

// Tree is one side's bookmarks: a tree whatever the records said. Nodes are
// numbered in level order from 0, the root; 1 to 4 are Menu, Toolbar, Unfiled and
// Mobile. A node's children have consecutive numbers. A Tree does not change.
type Tree struct {
	nodes []node
	ids   map[GUID]int32
	// at is a node's number by id; none where there is no item.
	at []int32
	// deleted is whether there is a tombstone, by id; tombstones lists them.
	tombstones []GUID
	problems   Problems
}

// node is an item in its place. While a Builder collects, parent is an id.
type node struct {
	guid          GUID
	content       Content
	modified, ref int64
	parent        int32
	// position is the node's place among its siblings.
	position int32
	// first and count are where its children are.
	first, count int32
	flags        flags
	kind         Kind
	changed      Change
	validity     Validity
}

type flags uint16

const (
	// present: there is an item, and not only statements about one.
	present flags = 1 << iota
	// implied: a root without a record.
	implied
	// tombstone: it was deleted.
	tombstone
	// listed: it has a list of children.
	listed
	// adrift: no statement says where it belongs; it was put into Unfiled.
	adrift
	// foreign: it is below a root that is not part of a synced tree.
	foreign
	// wrongParent: its item names another parent.
	wrongParent
	// wrongList: it lists other children than it has.
	wrongList
	// wrongPosition: its item states another position.
	wrongPosition
)

func (n *node) is(f flags) bool { return n.flags&f != 0 }

// Len is the number of nodes, the five roots included.
func (t *Tree) Len() int { return len(t.nodes) }

// Index finds a node by its GUID.
func (t *Tree) Index(g GUID) (int32, bool) {
	if id, ok := t.ids[g]; ok && t.at[id] != none {
		return t.at[id], true
	}
	return 0, false
}

// Item is node i's item. Its Parent and Position are those it has in the tree.
func (t *Tree) Item(i int32) Item {
	n := &t.nodes[i]
	it := Item{
		GUID: n.guid, Kind: n.kind, Position: n.position, Modified: n.modified,
		Changed: n.changed, Validity: n.validity, Content: n.content, Ref: n.ref,
	}
	if n.parent != none {
		it.Parent = t.nodes[n.parent].guid
	}
	return it
}

// Below iterates over the numbers of node i's children.
func (t *Tree) Below(i int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		n := &t.nodes[i]
		for c := n.first; c < n.first+n.count; c++ {
			if !yield(c) {
				return
			}
		}
	}
}

// Deleted iterates over the tombstones, sorted.
func (t *Tree) Deleted() iter.Seq[GUID] { return slices.Values(t.tombstones) }

// Problems is what Build had to repair.
func (t *Tree) Problems() *Problems { return &t.problems }

// Parent returns the folder that g is in; false if g does not exist or is the root.
// With Children it makes a Tree a Base.
func (t *Tree) Parent(g GUID) (GUID, bool) {
	i, ok := t.Index(g)
	if !ok || i == 0 {
		return "", false
	}
	return t.nodes[t.nodes[i].parent].guid, true
}

// Children lists what is in g, in order.
func (t *Tree) Children(g GUID) []GUID {
	i, ok := t.Index(g)
	if !ok {
		return nil
	}
	list := make([]GUID, 0, t.nodes[i].count)
	for c := range t.Below(i) {
		list = append(list, t.nodes[c].guid)
	}
	return list
}

// isDeleted reports whether there is a tombstone for g.
func (t *Tree) isDeleted(g GUID) bool {
	if len(t.tombstones) == 0 {
		return false
	}
	_, found := slices.BinarySearch(t.tombstones, g)
	return found
}

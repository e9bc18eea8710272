package tree

import "iter"

// Tree is one side's bookmarks: a tree whatever the records said. Nodes are
// numbered in level order from 0, the root; 1 to 4 are Menu, Toolbar, Unfiled and
// Mobile. A node's children have consecutive numbers.
type Tree struct{}

// Len is the number of nodes, the five roots included.
func (t *Tree) Len() int { return 0 }

// Index finds a node by its GUID.
func (t *Tree) Index(g GUID) (int32, bool) { return 0, false }

// Item is node i's item. Its Parent and Position are those it has in the tree.
func (t *Tree) Item(i int32) Item { return Item{} }

// Below iterates over the numbers of node i's children.
func (t *Tree) Below(i int32) iter.Seq[int32] { return nil }

// Deleted iterates over the tombstones, sorted.
func (t *Tree) Deleted() iter.Seq[GUID] { return nil }

// Problems is what Build had to repair.
func (t *Tree) Problems() *Problems { return nil }

// Parent and Children make a Tree a Base.
func (t *Tree) Parent(g GUID) (GUID, bool) { return "", false }

// Children lists a folder's children.
func (t *Tree) Children(g GUID) []GUID { return nil }

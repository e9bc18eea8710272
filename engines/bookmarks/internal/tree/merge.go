package tree

import "slices"

// Merge merges two trees. It does not change them.
func Merge(local, remote *Tree, o Options) *Merged {
	m := &merger{Options: o, out: &Merged{
		LocalProblems:  local.problems.clone(),
		RemoteProblems: remote.problems.clone(),
	}}
	m.tree[Local], m.tree[Remote] = local, remote
	m.match()
	m.decideExistence()
	m.decideValues()
	m.decideParents()
	m.openCycles()
	m.decideOrder()
	m.emit()
	m.emitDeletions()
	m.out.LocalProblems.settle()
	m.out.RemoteProblems.settle()
	return m.out
}

// A merger works on entities: what the two sides have together. Remote nodes
// are entities under their own number, local nodes without a counterpart come
// after them. So the roots are 0 to 4 here, too.
type merger struct {
	Options
	tree bySide[*Tree]
	out  *Merged

	// entity is a node's entity, node an entity's node or none.
	entity, node bySide[[]int32]
	// is and value are what was decided about an entity.
	is    []mark
	value []Value
	// parent is an entity's folder; place is the side that put it there.
	parent []int32
	place  []Side
	// survivingParent is, for a node, the folder that its children have in the merged
	// tree: itself, or the nearest one above it that survives.
	survivingParent bySide[[]int32]
	// The children of a folder are a linked list: head is its first, next the one
	// after. count is how many there are.
	head, next, count []int32
}

type mark uint8

const (
	// gone: it is not part of the merged tree.
	gone mark = 1 << iota
	// folder: it holds children.
	folder
	// conflict: both sides changed its value.
	conflict
	// split: another item has its GUID.
	split
	// flipped: it takes the place that lost, for the other one made a cycle.
	flipped
)

const (
	rootEntity    int32 = 0
	unfiledEntity int32 = 3
	lastRoot      int32 = int32(len(roots)) - 1
)

// of is entity e's node on side s, or nil.
func (m *merger) of(s Side, e int32) *node {
	if i := m.node[s][e]; i != none {
		return &m.tree[s].nodes[i]
	}
	return nil
}

// parentOn is the entity of the folder that n is in on side s.
func (m *merger) parentOn(s Side, n *node) int32 { return m.entity[s][n.parent] }

// number gives entities to all nodes, once the pairs are known.
func (m *merger) number(remoteOf []int32) {
	l, r := m.tree[Local].Len(), m.tree[Remote].Len()
	m.entity[Local], m.entity[Remote] = remoteOf, make([]int32, r)
	m.node[Remote] = make([]int32, r, r+l)
	m.node[Local] = slices.Grow(slices.Repeat([]int32{none}, r), l)
	for i := range int32(r) {
		m.entity[Remote][i], m.node[Remote][i] = i, i
	}
	for i, e := range remoteOf {
		if e != none {
			m.node[Local][e] = int32(i)
			continue
		}
		m.entity[Local][i] = int32(len(m.node[Local]))
		m.node[Local] = append(m.node[Local], int32(i))
		m.node[Remote] = append(m.node[Remote], none)
	}
}

// entities is how many there are.
func (m *merger) entities() int32 { return int32(len(m.node[Local])) }

// newer is the side that wins entity e if both changed it.
func (m *merger) newer(e int32) Side {
	if m.Prefer != 0 {
		return m.Prefer
	}
	if m.of(Local, e).modified > m.of(Remote, e).modified {
		return Local
	}
	return Remote // the account's, if they are of one time, so that all devices agree
}

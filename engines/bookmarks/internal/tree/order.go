package tree

import "slices"

// decideOrder brings the children of each folder into an order.
func (m *merger) decideOrder() {
	n := m.entities()
	m.head, m.next, m.count = make([]int32, n), make([]int32, n), make([]int32, n)
	for _, p := range m.parent {
		if p != none {
			m.count[p]++
		}
	}
	o := orderer{merger: m, linked: make([]bool, n)}
	o.group()
	for e := range n {
		m.head[e] = none
		if m.count[e] > 0 {
			o.order(e)
		}
	}
}

// An orderer merges lists of children.
type orderer struct {
	*merger
	// start and members are who is in a folder: members[start[f]:start[f+1]].
	start, members []int32
	// linked is what is in its folder's linked list already.
	linked []bool
	// Scratch: one folder's children on each side.
	lists bySide[[]int32]
	stack []span
	rank  map[int32]int32
}

type span struct{ next, end int32 }

// group gathers the children of each folder.
func (o *orderer) group() {
	n := o.entities()
	o.start = make([]int32, n+1)
	for e := range n {
		o.start[e+1] = o.start[e] + o.count[e]
	}
	o.members = make([]int32, o.start[n])
	fill := slices.Clone(o.start[:n])
	for e, p := range o.parent {
		if p != none {
			o.members[fill[p]] = int32(e)
			fill[p]++
		}
	}
}

// order links the children of folder f.
func (o *orderer) order(f int32) {
	if f == rootEntity {
		o.link(f, o.members[:lastRoot]) // the roots are in their own order
		return
	}
	for _, s := range sides {
		o.lists[s] = o.children(s, f, o.lists[s][:0])
	}
	l, r := o.lists[Local], o.lists[Remote]
	if slices.Equal(l, r) {
		o.finish(f, o.link(f, r))
		return
	}
	first := o.leader(f)
	base := o.lists[first]
	if o.bothReordered(f) {
		base = o.withoutMoved(f, first)
	}
	o.link(f, base)
	o.insert(f, o.lists[first.other()])
	tail := none
	for e := o.head[f]; e != none; e = o.next[e] {
		tail = e
	}
	o.finish(f, tail)
}

// children appends what side s has in folder f and the merge left there. The
// children of a folder that is gone stand where it stood.
func (o *orderer) children(s Side, f int32, list []int32) []int32 {
	at := o.node[s][f]
	if at == none {
		return list
	}
	t := o.tree[s]
	o.stack = append(o.stack[:0], span{t.nodes[at].first, t.nodes[at].first + t.nodes[at].count})
	for len(o.stack) > 0 {
		top := &o.stack[len(o.stack)-1]
		if top.next == top.end {
			o.stack = o.stack[:len(o.stack)-1]
			continue
		}
		i := top.next
		top.next++
		if e := o.entity[s][i]; o.parent[e] == f {
			list = append(list, e)
		}
		if n := &t.nodes[i]; n.count > 0 && o.survivingParent[s][i] == f {
			o.stack = append(o.stack, span{n.first, n.first + n.count})
		}
	}
	return list
}

// leader is the side whose order of f is the ground of the merged one.
func (o *orderer) leader(f int32) Side {
	l, r := o.of(Local, f), o.of(Remote, f)
	switch {
	case l == nil:
		return Remote
	case r == nil:
		return Local
	}
	changedL, changedR := l.changed&ChangedStructure != 0, r.changed&ChangedStructure != 0
	switch {
	case changedL && !changedR:
		return Local
	case changedL && changedR:
		o.out.Stats.StructureConflicts++
		return o.newer(f)
	}
	return Remote
}

// link makes list the children of f, and returns the last one.
func (o *orderer) link(f int32, list []int32) (tail int32) {
	tail = none
	for _, e := range list {
		tail = o.linkAfter(f, tail, e)
	}
	return tail
}

func (o *orderer) linkAfter(f, anchor, e int32) int32 {
	if anchor == none {
		o.next[e], o.head[f] = o.head[f], e
	} else {
		o.next[e], o.next[anchor] = o.next[anchor], e
	}
	o.linked[e] = true
	return e
}

// insert puts those of list that are missing behind the neighbour they have
// there.
func (o *orderer) insert(f int32, list []int32) {
	anchor := none
	for _, e := range list {
		if !o.linked[e] {
			o.linkAfter(f, anchor, e)
		}
		anchor = e
	}
}

// finish appends the children that are in neither side's list, because they
// came from elsewhere.
func (o *orderer) finish(f, tail int32) {
	for _, e := range o.members[o.start[f]:o.start[f+1]] {
		if !o.linked[e] {
			tail = o.linkAfter(f, tail, e)
		}
	}
}

// bothReordered reports whether the base shows which side moved what in f.
func (o *orderer) bothReordered(f int32) bool {
	if o.Base == nil {
		return false
	}
	l, r := o.of(Local, f), o.of(Remote, f)
	return l != nil && r != nil && l.guid == r.guid &&
		l.changed&ChangedStructure != 0 && r.changed&ChangedStructure != 0
}

// withoutMoved is the leader's list without what only the other side moved
// within the folder: it is put in later, next to the neighbours it has there.
func (o *orderer) withoutMoved(f int32, leader Side) []int32 {
	if o.rank == nil {
		o.rank = make(map[int32]int32)
	}
	clear(o.rank)
	for i, g := range o.Base.Children(o.of(Remote, f).guid) {
		if at, ok := o.tree[Remote].Index(g); ok {
			o.rank[at] = int32(i) // a remote node's number is its entity's
		} else if at, ok := o.tree[Local].Index(g); ok {
			o.rank[o.entity[Local][at]] = int32(i)
		}
	}
	mine, theirs := o.movedWithin(leader), o.movedWithin(leader.other())
	var list []int32
	for _, e := range o.lists[leader] {
		if !theirs[e] || mine[e] {
			list = append(list, e)
		}
	}
	return list
}

// movedWithin is which of a side's children are in another order than in the
// base: all but a longest sequence that is in the base's order.
func (o *orderer) movedWithin(s Side) map[int32]bool {
	var ranks, ids []int32
	for _, e := range o.lists[s] {
		if rank, ok := o.rank[e]; ok {
			ranks, ids = append(ranks, rank), append(ids, e)
		}
	}
	moved := make(map[int32]bool)
	for i, stays := range Increasing(ranks) {
		if !stays {
			moved[ids[i]] = true
		}
	}
	return moved
}

// Increasing marks a longest increasing subsequence.
func Increasing(seq []int32) []bool {
	before := make([]int, len(seq)) // the element before it in the best one that ends with it
	var ends []int                  // by length, where the best one of that length ends
	for i, v := range seq {
		n, _ := slices.BinarySearchFunc(ends, v, func(end int, v int32) int { return int(seq[end]) - int(v) })
		before[i] = -1
		if n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	in := make([]bool, len(seq))
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = before[i] {
			in[i] = true
		}
	}
	return in
}

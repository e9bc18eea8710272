package tree

import (
	"cmp"
	"slices"
	"strings"
)

// lay brings the entries into level order.
func (s *settler) lay() {
	n := len(s.entries)
	s.tags = !s.entries[tagsID].is(implied) || slices.Contains(s.parent, tagsID)
	s.count = make([]int32, n)
	total := 0
	for id := range int32(n) {
		if p := s.parent[id]; p != none && s.inTree(id) {
			s.count[p]++
			total++
		}
	}
	start := make([]int32, n+1)
	for id := range n {
		start[id+1] = start[id] + s.count[id]
	}
	kids, known := s.siblings(start, total)

	s.order = append(make([]int32, 0, total+1), 0)
	s.first = make([]int32, n)
	for i := 0; i < len(s.order); i++ {
		id := s.order[i]
		mine := kids[start[id]:start[id+1]]
		s.sortUnlisted(mine[known[id]:])
		s.first[id] = int32(len(s.order))
		s.order = append(s.order, mine...)
	}
}

func (s *settler) inTree(id int32) bool {
	if id == tagsID {
		return s.tags
	}
	return s.entries[id].is(present)
}

// siblings gathers each folder's children from start[folder] on: first the
// listed ones in the list's order, then the others. known counts the listed ones.
func (s *settler) siblings(start []int32, total int) (kids, known []int32) {
	n := len(s.entries)
	kids, known = make([]int32, total), make([]int32, n)
	placed := make([]bool, n)
	place := func(id int32) {
		placed[id] = true
		f := s.parent[id]
		kids[start[f]+known[f]] = id
		known[f]++
	}
	for id := int32(1); s.isRoot(id); id++ {
		place(id) // in their own order, whatever the root's list says
	}
	for f := int32(1); f < int32(n); f++ {
		if !s.isFolder(f) {
			continue
		}
		for _, c := range s.list[s.start[f]:s.start[f+1]] {
			if s.parent[c] == f && !placed[c] && s.inTree(c) && !s.entries[c].is(adrift) {
				place(c)
			}
		}
	}
	fill := slices.Clone(known)
	for id := range int32(n) {
		if f := s.parent[id]; f != none && !placed[id] && s.inTree(id) {
			kids[start[f]+fill[f]] = id
			fill[f]++
		}
	}
	return kids, known
}

// sortUnlisted orders children that no list orders. What is adrift comes last.
func (s *settler) sortUnlisted(ids []int32) {
	if len(ids) < 2 {
		return
	}
	slices.SortFunc(ids, func(a, b int32) int {
		x, y := &s.entries[a], &s.entries[b]
		if c := cmp.Compare(x.flags&adrift, y.flags&adrift); c != 0 {
			return c
		}
		if c := cmp.Compare(x.position, y.position); c != 0 {
			return c
		}
		return strings.Compare(string(x.guid), string(y.guid))
	})
}

// tree makes the outcome: the entries in level order, with numbers in place of
// ids.
func (s *settler) tree(ids map[GUID]int32) *Tree {
	t := &Tree{
		nodes: make([]node, len(s.order)),
		ids:   ids,
		at:    slices.Repeat([]int32{none}, len(s.entries)),
	}
	for i, id := range s.order {
		t.at[id] = int32(i)
	}
	for i, id := range s.order {
		t.nodes[i] = s.entries[id]
		t.nodes[i].first, t.nodes[i].count = s.first[id], s.count[id]
		s.setParent(t, int32(i), id)
	}
	for id := range s.entries {
		e := &s.entries[id]
		if e.is(listed) && t.at[id] != none && s.start[id+1]-s.start[id] != s.count[id] {
			t.nodes[t.at[id]].flags |= wrongList
		}
		if e.is(tombstone) && !e.is(present) {
			t.tombstones = append(t.tombstones, e.guid)
		}
	}
	slices.Sort(t.tombstones)
	s.problems.settle()
	t.problems = s.problems
	return t
}

// setParent gives node i its parent and position, and marks which of the records state
// others.
func (s *settler) setParent(t *Tree, i, id int32) {
	n := &t.nodes[i]
	if id == 0 {
		n.parent = none
		return
	}
	parent := s.parent[id]
	if n.parent != parent && (n.parent != none || n.is(adrift)) {
		n.flags |= wrongParent
	}
	n.parent = t.at[parent]
	position := i - s.first[parent]
	if position != n.position && !s.entries[parent].is(listed) && !s.isRoot(id) {
		n.flags |= wrongPosition
	}
	n.position = position
	if s.entries[parent].is(listed) && !s.lists(parent, position, id) {
		t.nodes[n.parent].flags |= wrongList
	}
}

// lists reports whether child is at position in its folder's list.
func (s *settler) lists(folder, position, child int32) bool {
	list := s.list[s.start[folder]:s.start[folder+1]]
	return int(position) < len(list) && list[position] == child
}

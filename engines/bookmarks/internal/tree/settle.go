package tree

import (
	"cmp"
	"slices"
	"strings"
)

// A settler makes a tree of statements that may contradict each other. It knows
// entries by id. There are two kinds of statement about where an item belongs:
// the list of a folder, which is as new as the folder, and the parent that an
// item names, as new as the item.
type settler struct {
	entries []node
	// start and list are the folders' lists: f's is list[start[f]:start[f+1]].
	start, list []int32
	// parent is where an entry belongs so far, and since is how new the statement
	// is. other is where the statement that lost would have it, for cycles.
	parent, other []int32
	since         []int64
	// order is the entries that are in the tree, in level order, as ids;
	// first and count are where an entry's children are in it.
	order, first, count []int32
	// tags is whether there is anything in Tags.
	tags     bool
	problems Problems
}

func newSettler(entries []node, lists []link) *settler {
	n := len(entries)
	s := &settler{
		entries: entries,
		start:   make([]int32, n+1),
		list:    make([]int32, len(lists)),
		parent:  slices.Repeat([]int32{none}, n),
		other:   slices.Repeat([]int32{none}, n),
		since:   make([]int64, n),
	}
	for _, l := range lists {
		s.start[l.folder+1]++
	}
	for f := range n {
		s.start[f+1] += s.start[f]
	}
	fill := slices.Clone(s.start[:n])
	for _, l := range lists {
		s.list[fill[l.folder]] = l.child
		fill[l.folder]++
	}
	return s
}

func (s *settler) isRoot(id int32) bool { return id < int32(len(roots)) }

func (s *settler) isFolder(id int32) bool {
	return s.entries[id].is(present) && s.entries[id].kind == Folder
}

// isOutside reports whether a folder holds nothing that is synced itself. A
// statement that an item belongs there yields to any other.
func (s *settler) isOutside(folder int32) bool { return folder == 0 || folder == tagsID }

func (s *settler) problem(k ProblemKind, id, folder int32) {
	p := Problem{Kind: k, GUID: s.entries[id].guid}
	if folder != none {
		p.Folder = s.entries[folder].guid
	}
	s.problems.add(p)
}

// readLists finds for each item the newest list that has it. The root's own list
// is not read, for Firefox does not write it.
func (s *settler) readLists() {
	seen := slices.Repeat([]int32{none}, len(s.entries)) // in which list last
	for f := int32(1); f < int32(len(s.entries)); f++ {
		folder := &s.entries[f]
		if !folder.is(listed) || !folder.is(present) {
			continue
		}
		list := s.list[s.start[f]:s.start[f+1]]
		if !s.isFolder(f) && !s.isRoot(f) {
			if len(list) > 0 {
				s.problem(NonFolderList, f, none)
			}
			continue
		}
		for _, c := range list {
			if k := s.wrongChild(f, c, seen[c] == f); k != problemKinds {
				s.problem(k, c, f)
				continue
			}
			seen[c] = f
			switch best := s.parent[c]; {
			case best == none:
				s.parent[c] = f
			case s.betterList(c, f, best):
				s.parent[c], s.other[c] = f, best
			case s.other[c] == none || s.betterList(c, f, s.other[c]):
				s.other[c] = f
			}
			s.since[c] = s.entries[s.parent[c]].modified
		}
	}
}

// wrongChild returns what is wrong with c in f's list; problemKinds if nothing is.
func (s *settler) wrongChild(f, c int32, repeated bool) ProblemKind {
	child := &s.entries[c]
	switch {
	case s.isRoot(c):
		return MisparentedRoot
	case c == f:
		return Cycle
	case repeated:
		return RepeatedChild
	case child.is(present):
		return problemKinds
	case child.is(tombstone):
		return DeletedChild
	}
	return MissingChild
}

// betterList reports whether folder a has a better claim to c than folder b.
func (s *settler) betterList(c, a, b int32) bool {
	if s.isOutside(a) != s.isOutside(b) {
		return s.isOutside(b)
	}
	if ma, mb := s.entries[a].modified, s.entries[b].modified; ma != mb {
		return ma > mb
	}
	if named := s.entries[c].parent; named == a || named == b {
		return named == a
	}
	return s.entries[a].guid < s.entries[b].guid
}

// readItems weighs the parent that each item names against the lists.
func (s *settler) readItems() {
	for id := range int32(len(s.entries)) {
		e := &s.entries[id]
		switch {
		case s.isRoot(id):
			s.readRoot(id)
			continue
		case !e.is(present):
			continue
		case id == tagsID:
			s.parent[id], s.other[id] = 0, none
			continue
		}
		if !ValidGUID(e.guid) {
			s.problem(InvalidGUID, id, none)
		}
		if s.other[id] != none {
			s.problem(MultipleParents, id, s.other[id])
		}
		s.weigh(id)
	}
}

func (s *settler) readRoot(id int32) {
	e := &s.entries[id]
	if e.kind != Folder {
		s.problem(MismatchedKind, id, none)
		e.kind, e.validity = Folder, max(e.validity, Reupload)
	}
	if e.is(tombstone) {
		s.problem(DeletedRoot, id, none)
	}
	if id != 0 && e.parent != none && e.parent != 0 {
		s.problem(MisparentedRoot, id, e.parent)
		e.flags |= wrongParent
	}
	s.parent[id], s.other[id] = 0, none
	if id == 0 {
		s.parent[id] = none
	}
}

// namedFolder returns the folder that an item names as its parent, or none.
func (s *settler) namedFolder(id int32) int32 {
	named := s.entries[id].parent
	switch {
	case named == none || named != id && s.isFolder(named):
		return named
	case named == id:
		s.problem(Cycle, id, none)
	case s.entries[named].is(present):
		s.problem(NonFolderParent, id, named)
	case s.parent[id] != none:
		s.problem(ParentDisagrees, id, named)
	default:
		s.problem(Orphan, id, named)
	}
	return none
}

// weigh decides between the newest list that has an item and the parent that
// it names.
func (s *settler) weigh(id int32) {
	e := &s.entries[id]
	named, list := s.namedFolder(id), s.parent[id]
	switch {
	case named == none && list == none:
		if e.parent == none {
			s.problem(Orphan, id, none)
		}
		s.setAdrift(id)
	case named == none || named == list:
	case list == none:
		if s.entries[named].is(listed) && !s.isOutside(named) {
			s.problem(ParentDisagrees, id, named)
		}
		s.parent[id], s.since[id] = named, e.modified
	default:
		s.problem(ParentDisagrees, id, named)
		newer := e.modified > s.since[id]
		if s.isOutside(named) != s.isOutside(list) {
			newer = s.isOutside(list)
		}
		if newer {
			s.parent[id], s.since[id], s.other[id] = named, e.modified, list
		} else {
			s.other[id] = named
		}
	}
}

// setAdrift puts an item for which no statement holds into Unfiled.
func (s *settler) setAdrift(id int32) {
	const unfiled = 3
	s.parent[id], s.other[id], s.since[id] = unfiled, none, 0
	s.entries[id].flags |= adrift
}

// openCycles makes sure that every item's parents lead to the root. A cycle is
// opened at its oldest statement, by believing the one that had lost to it; what
// is still on a cycle after some rounds of that is put into Unfiled.
func (s *settler) openCycles() {
	for round := 0; ; round++ {
		last := round == maxRounds
		if !eachCycle(s.parent, func(cycle []int32) { s.open(cycle, last) }) {
			return
		}
	}
}

func (s *settler) open(cycle []int32, last bool) {
	victim := slices.MinFunc(cycle, func(a, b int32) int {
		return cmp.Or(
			cmp.Compare(btoi(s.other[a] == none), btoi(s.other[b] == none)),
			cmp.Compare(s.since[a], s.since[b]),
			strings.Compare(string(s.entries[a].guid), string(s.entries[b].guid)))
	})
	s.problem(Cycle, victim, s.parent[victim])
	if last || s.other[victim] == none {
		s.setAdrift(victim)
		return
	}
	s.parent[victim], s.other[victim], s.since[victim] = s.other[victim], none, 0
}

// rescueForeign handles the items next to the four roots: it marks them as not synced,
// but moves those that hold a bookmark to Unfiled, so that no bookmark of a user is lost.
// It reports whether it moved any.
func (s *settler) rescueForeign() bool {
	if s.count[0] == int32(len(roots))-1 {
		return false
	}
	top := make(map[int32]int32)     // foreign ids to the root they are below
	holds := make(map[int32]bool)    // which of those hold a bookmark
	for _, id := range s.order[1:] { // parents come first
		parent := s.parent[id]
		root, below := top[parent]
		switch {
		case parent == 0 && !s.isRoot(id):
			root = id
		case !below:
			continue
		}
		top[id] = root
		if s.entries[id].kind == Bookmark && root != tagsID {
			holds[root] = true
		}
	}
	for id, root := range top {
		if !holds[root] {
			s.entries[id].flags |= foreign
			if !s.entries[id].is(implied) {
				s.problem(NonSyncable, id, root)
			}
		} else if id == root {
			s.problem(NonSyncable, id, none)
			s.setAdrift(id)
		}
	}
	return len(holds) > 0
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

package tree

import (
	"cmp"
	"slices"
	"strings"
)

// decideParents decides for each entity, value aside, in which folder it is.
func (m *merger) decideParents() {
	for _, s := range sides {
		m.survivingParent[s] = m.survivingParents(s)
	}
	n := m.entities()
	m.parent, m.place = make([]int32, n), make([]Side, n)
	m.parent[rootEntity] = none
	for e := int32(1); e < n; e++ {
		switch {
		case e <= lastRoot:
			m.parent[e], m.place[e] = rootEntity, Remote
		case m.is[e]&gone != 0:
			m.parent[e] = none
		default:
			s := m.pickPlace(e)
			m.settleIn(e, s)
		}
	}
	for e := lastRoot + 1; e < n; e++ {
		if m.is[e]&gone == 0 && m.is[m.parentOn(m.place[e], m.of(m.place[e], e))]&gone != 0 {
			m.out.Stats.Relocated++
		}
	}
}

// settleIn puts e into the folder that side s has it in, or into the nearest surviving one
// above that. There always is one: what is not below one of the four roots is not synced.
func (m *merger) settleIn(e int32, s Side) {
	m.place[e] = s
	m.parent[e] = m.survivingParent[s][m.of(s, e).parent]
}

// survivingParents returns for each node which folder holds its children in the merged
// tree, as far as side s decides: itself, or the nearest one above it that survives.
func (m *merger) survivingParents(s Side) []int32 {
	t := m.tree[s]
	parents := make([]int32, t.Len())
	for i := range t.nodes {
		e := m.entity[s][i]
		if m.is[e]&(gone|folder) == folder {
			parents[i] = e
		} else {
			parents[i] = parents[t.nodes[i].parent]
		}
	}
	return parents
}

// pickPlace chooses the side whose folder e is in.
func (m *merger) pickPlace(e int32) Side {
	l, r := m.of(Local, e), m.of(Remote, e)
	switch {
	case !synced(l):
		return Remote
	case !synced(r):
		return Local
	case l.is(adrift) != r.is(adrift): // a place that no record names does not count
		if l.is(adrift) {
			return Remote
		}
		return Local
	}
	inL, inR := m.parentOn(Local, l), m.parentOn(Remote, r)
	if inL == inR {
		return Remote
	}
	movedL, movedR := m.moved(l, r)
	if movedL != movedR {
		if movedL {
			return Local
		}
		return Remote
	}
	m.out.Stats.StructureConflicts++
	// A move into a folder that is gone yields to one into a folder that is not.
	if goneL, goneR := m.is[inL]&gone != 0, m.is[inR]&gone != 0; goneL != goneR && m.Prefer == 0 {
		if goneL {
			return Remote
		}
		return Local
	}
	return m.newer(e)
}

// moved reports which sides moved an item that is in different folders.
func (m *merger) moved(l, r *node) (local, remote bool) {
	from, to := &m.tree[Local].nodes[l.parent], &m.tree[Remote].nodes[r.parent]
	if m.Base != nil && l.guid == r.guid {
		if base, ok := m.Base.Parent(l.guid); ok {
			return base != from.guid, base != to.guid
		}
	}
	local, remote = l.changed&ChangedStructure != 0, r.changed&ChangedStructure != 0
	if local == remote {
		// The item is marked alike on both sides, but a folder that gained or lost it has changed.
		local, remote = from.changed&ChangedStructure != 0, to.changed&ChangedStructure != 0
	}
	return local, remote
}

// openCycles undoes moves that together put a folder below itself: the older
// one, and of the side that is not preferred.
func (m *merger) openCycles() {
	for round := 0; ; round++ {
		last := round == maxRounds
		if !eachCycle(m.parent, func(cycle []int32) { m.open(cycle, last) }) {
			return
		}
	}
}

func (m *merger) open(cycle []int32, last bool) {
	victim := slices.MinFunc(cycle, func(a, b int32) int {
		x, y := m.of(m.place[a], a), m.of(m.place[b], b)
		return cmp.Or(
			cmp.Compare(btoi(!m.canFlip(a)), btoi(!m.canFlip(b))),
			cmp.Compare(btoi(m.place[a] == m.Prefer), btoi(m.place[b] == m.Prefer)),
			cmp.Compare(x.modified, y.modified),
			strings.Compare(string(x.guid), string(y.guid)),
			cmp.Compare(a, b))
	})
	m.out.Stats.StructureConflicts++
	if last || !m.canFlip(victim) {
		m.parent[victim] = unfiledEntity
		return
	}
	m.is[victim] |= flipped
	m.settleIn(victim, m.place[victim].other())
}

// canFlip reports whether the other side has a place for e, too, that was not
// tried yet.
func (m *merger) canFlip(e int32) bool {
	n := m.of(m.place[e].other(), e)
	return m.is[e]&flipped == 0 && synced(n) && !n.is(adrift)
}

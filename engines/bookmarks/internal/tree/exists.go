package tree

// decideExistence decides which entities are part of the merged tree.
func (m *merger) decideExistence() {
	for e := lastRoot + 1; e < m.entities(); e++ {
		if !m.exists(e) {
			m.is[e] |= gone
		}
	}
}

// exists reports whether an entity is part of the merged tree.
func (m *merger) exists(e int32) bool {
	l, r := m.of(Local, e), m.of(Remote, e)
	if !sound(l) && !sound(r) {
		m.reportUnsound(l, &m.out.LocalProblems)
		m.reportUnsound(r, &m.out.RemoteProblems)
		return false
	}
	switch {
	case l == nil:
		return m.survives(Remote, r)
	case r == nil:
		return m.survives(Local, l)
	}
	return true
}

// synced reports whether a side has an item where it can be synced.
func synced(n *node) bool { return n != nil && !n.is(foreign) }

// sound reports whether a side has an item that can stay as it is there. Firefox
// has had no livemarks since version 64, and deletes them.
func sound(n *node) bool {
	return synced(n) && n.validity != Replace && n.kind != Livemark
}

func (m *merger) reportUnsound(n *node, p *Problems) {
	switch {
	case !synced(n): // reported when the tree was built
	case n.kind == Livemark:
		m.out.Stats.Livemarks++
	default:
		p.add(Problem{Kind: Unusable, GUID: n.guid})
	}
}

// survives reports whether an item that only side s has stays. It goes if the
// other side deleted it; but what was changed meanwhile stays, unless it is a
// folder, which has nothing of its own but its name.
func (m *merger) survives(s Side, n *node) bool {
	if !m.tree[s.other()].isDeleted(n.guid) {
		return true
	}
	stats := &m.out.Stats
	if n.changed != 0 && (m.Prefer == s || m.Prefer == 0 && n.kind != Folder) {
		if s == Local {
			stats.LocalRevived++
		} else {
			stats.RemoteRevived++
		}
		return true
	}
	if s == Local {
		stats.RemoteDeletes++
	} else {
		stats.LocalDeletes++
	}
	return false
}

// decideValues decides whose value an entity has, and with it whether it is a
// folder.
func (m *merger) decideValues() {
	m.value = make([]Value, m.entities())
	for e := range m.entities() {
		if m.is[e]&gone != 0 {
			continue
		}
		l, r := m.of(Local, e), m.of(Remote, e)
		m.value[e] = m.pickValue(e, l, r)
		n := r
		if r == nil || m.value[e] == FromLocal {
			n = l
		}
		if n.kind == Folder {
			m.is[e] |= folder
		}
	}
}

func (m *merger) pickValue(e int32, l, r *node) Value {
	switch {
	case r == nil:
		return FromLocal
	case l == nil:
		return FromRemote
	case e <= lastRoot: // a root's title is each device's own
		return Same
	case !sound(r):
		return FromLocal
	case !sound(l):
		return FromRemote
	}
	changedL, changedR := l.changed&ChangedValue != 0, r.changed&ChangedValue != 0
	if l.guid != r.guid { // found by content: new on both sides, whatever they are marked as
		changedL, changedR = true, true
	}
	switch {
	case changedL && changedR:
		m.is[e] |= conflict
		m.out.Stats.ValueConflicts++
		if m.newer(e) == Local {
			return FromLocal
		}
		return FromRemote
	case changedL:
		return FromLocal
	case changedR || l.kind != r.kind:
		return FromRemote
	}
	return Same
}

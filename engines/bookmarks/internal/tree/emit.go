package tree

import "slices"

// emit writes the merged tree in level order.
func (m *merger) emit() {
	total := 1
	for _, n := range m.count {
		total += int(n)
	}
	nodes := make([]Node, 0, total)
	entities := append(make([]int32, 0, total), rootEntity)
	taken := make(map[GUID]bool) // GUIDs that were made here
	for i := 0; i < len(entities); i++ {
		e := entities[i]
		n := m.merged(e)
		m.nameNode(&n, e, taken)
		n.First, n.Count = int32(len(entities)), m.count[e]
		for c := m.head[e]; c != none; c = m.next[c] {
			entities = append(entities, c)
		}
		nodes = append(nodes, n)
	}
	nodes[0].Parent = none
	m.out.Nodes = nodes
	for i := range nodes {
		n := &nodes[i]
		children := entities[n.First : n.First+n.Count]
		for k := range children {
			c := &nodes[n.First+int32(k)]
			c.Parent, c.Position = int32(i), int32(k)
		}
		m.mark(n, entities[i], children)
	}
}

func (m *merger) merged(e int32) Node {
	n := Node{
		Local: m.node[Local][e], Remote: m.node[Remote][e],
		Value:    m.value[e],
		Conflict: m.is[e]&conflict != 0,
	}
	source := m.of(Remote, e)
	if source == nil || n.Value == FromLocal {
		source = m.of(Local, e)
	}
	n.Kind = source.kind
	return n
}

// nameNode gives an entity its GUID: the account's, the local one, or a new one.
func (m *merger) nameNode(n *Node, e int32, taken map[GUID]bool) {
	r := m.of(Remote, e)
	if r != nil {
		n.GUID = r.guid
	} else {
		n.GUID = m.of(Local, e).guid
	}
	if ValidGUID(n.GUID) && m.is[e]&split == 0 {
		return
	}
	for range 1000 {
		g := m.NewGUID()
		if g == "" {
			n.GUID = g
			return
		}
		if _, known := m.tree[Local].ids[g]; known || taken[g] || !ValidGUID(g) {
			continue
		}
		if _, known := m.tree[Remote].ids[g]; known {
			continue
		}
		taken[g] = true
		n.GUID = g
		return
	}
	panic("tree: Options.NewGUID makes no new GUIDs")
}

// mark says what of n is to be applied and uploaded.
func (m *merger) mark(n *Node, e int32, children []int32) {
	if e == rootEntity {
		return
	}
	sameL, sameR := m.hasChildren(Local, n, children), m.hasChildren(Remote, n, children)
	n.NewStructure = !sameL && !sameR
	n.Apply = m.toApply(n, e)
	n.Upload = !sameR || m.toUpload(n, e)
	if !n.Upload && n.Value == FromLocal {
		n.Upload, n.ForValue = true, true
	}
}

func (m *merger) toApply(n *Node, e int32) (todo Apply) {
	l := m.of(Local, e)
	if l == nil {
		return ApplyInsert
	}
	if l.guid != n.GUID {
		todo |= ApplyGUID
	}
	if n.Value == FromRemote {
		todo |= ApplyValue
	}
	if m.parentOn(Local, l) != m.parent[e] || l.is(wrongParent) {
		todo |= ApplyParent
	}
	if l.position != n.Position || l.is(wrongPosition) {
		todo |= ApplyPosition
	}
	return todo
}

// toUpload reports whether the record of n, its value and its children aside, is
// not what the server has.
func (m *merger) toUpload(n *Node, e int32) bool {
	l, r := m.of(Local, e), m.of(Remote, e)
	switch {
	case r == nil, r.guid != n.GUID:
		return true
	case r.is(implied | wrongParent | wrongList):
		return true
	case !r.is(listed) && r.count > 0: // a record without a list, whose children found it
		return true
	case r.validity != Valid, l != nil && l.validity == Reupload:
		return true
	}
	// The record names its parent.
	return m.tree[Remote].nodes[r.parent].guid != m.out.Nodes[n.Parent].GUID
}

// hasChildren reports whether side s has these children in n, in this order and
// under the names that they have now.
func (m *merger) hasChildren(s Side, n *Node, children []int32) bool {
	at := n.Local
	if s == Remote {
		at = n.Remote
	}
	if at == none {
		return false
	}
	t := m.tree[s]
	first, count := t.nodes[at].first, t.nodes[at].count
	if int(count) != len(children) {
		return false
	}
	for k, c := range children {
		i := first + int32(k)
		if m.entity[s][i] != c || t.nodes[i].guid != m.out.Nodes[n.First+int32(k)].GUID {
			return false
		}
	}
	return true
}

// emitDeletions lists what goes, and which of the local tombstones need not be
// kept.
func (m *merger) emitDeletions() {
	for i := m.tree[Local].Len() - 1; i > int(lastRoot); i-- {
		n := &m.tree[Local].nodes[i]
		if m.is[m.entity[Local][i]]&gone != 0 && !n.is(implied) {
			m.out.DeleteLocal = append(m.out.DeleteLocal, n.guid)
		}
	}
	for i := lastRoot + 1; i < int32(m.tree[Remote].Len()); i++ {
		n := &m.tree[Remote].nodes[i]
		// The record of an item that gets another GUID goes as well.
		if (m.is[i]&gone != 0 || !ValidGUID(n.guid)) && !n.is(implied) {
			m.out.DeleteRemote = append(m.out.DeleteRemote, n.guid)
		}
	}
	slices.Sort(m.out.DeleteRemote)
	for g := range m.tree[Local].Deleted() {
		if _, found := slices.BinarySearch(m.out.DeleteRemote, g); !found {
			m.out.Forget = append(m.out.Forget, g)
		}
	}
}

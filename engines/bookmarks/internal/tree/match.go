package tree

import "encoding/binary"

// match finds out which local and which remote nodes are the same item.
func (m *merger) match() {
	local, remote := m.tree[Local], m.tree[Remote]
	p := pairs{local: local, remote: remote}
	p.remoteOf, p.localOf = unpaired(local), unpaired(remote)
	var clashes []int32
	for i := range local.nodes {
		n := &local.nodes[i]
		r, ok := remote.Index(n.guid)
		switch {
		case !ok:
		case canBeOne(n, &remote.nodes[r]):
			p.pair(int32(i), r)
		default:
			clashes = append(clashes, int32(i))
			m.out.LocalProblems.add(Problem{Kind: MismatchedKind, GUID: n.guid})
		}
	}
	p.matchContents()
	m.out.Stats.Deduped = p.deduped
	m.number(p.remoteOf)
	m.is = make([]mark, m.entities())
	for _, i := range clashes {
		if e := m.entity[Local][i]; m.node[Remote][e] == none {
			m.is[e] |= split
		}
	}
}

// canBeOne reports whether a local and a remote node with one GUID are the same
// item. A folder and a bookmark are not, unless only one side changed it into the
// other: to merge them would be to lose one.
func canBeOne(l, r *node) bool {
	if shape(l.kind) == shape(r.kind) || !sound(l) || !sound(r) {
		return true
	}
	return l.changed&ChangedValue != r.changed&ChangedValue
}

// shape groups the kinds that may be one item: a bookmark becomes a query with
// its URL.
func shape(k Kind) Kind {
	if k == Query {
		return Bookmark
	}
	return k
}

// pairs are the nodes that are known to be the same item.
type pairs struct {
	local, remote     *Tree
	remoteOf, localOf []int32
	deduped           int

	// Scratch of matchBelow: what is looked for, and lists of nodes.
	wanted map[sameness]int32
	next   []int32
	// prints are the trees' fingerprints, once they are needed.
	prints bySide[[]uint64]
}

func unpaired(t *Tree) []int32 {
	list := make([]int32, t.Len())
	for i := range list {
		list[i] = none
	}
	return list
}

func (p *pairs) pair(local, remote int32) {
	p.remoteOf[local], p.localOf[remote] = remote, local
}

// sameness is what two items have in common that are taken for one. print is
// zero, or what is below them too.
type sameness struct {
	kind    Kind
	content Content
	print   uint64
}

// matchContents finds new local items among the remote items that are new here,
// by content, in the folders that are paired. Folders come before what is in
// them, so a pair that is found here is looked into as well.
func (p *pairs) matchContents() {
	for r := range int32(p.remote.Len()) {
		if l := p.localOf[r]; l != none && p.remote.nodes[r].count > 0 && p.local.nodes[l].count > 0 {
			p.matchBelow(l, r)
		}
	}
}

// matchBelow matches the children of a local and a remote folder one to one: two
// folders of one name stay two. Those that are alike down to their leaves are
// matched first, the others in their order.
func (p *pairs) matchBelow(l, r int32) {
	candidates, folders := p.candidates(Remote, r)
	if candidates == 0 {
		return
	}
	if n, _ := p.candidates(Local, l); n == 0 {
		return
	}
	if p.wanted == nil {
		p.wanted = make(map[sameness]int32)
		p.next = make([]int32, p.local.Len())
	}
	if folders > 1 {
		p.matchPass(l, r, true)
	}
	p.matchPass(l, r, false)
}

func (p *pairs) matchPass(l, r int32, whole bool) {
	clear(p.wanted)
	folder := &p.local.nodes[l]
	for i := folder.first + folder.count - 1; i >= folder.first; i-- {
		if !p.isCandidate(Local, i) {
			continue
		}
		key := p.sameness(Local, i, whole)
		if first, ok := p.wanted[key]; ok {
			p.next[i] = first
		} else {
			p.next[i] = none
		}
		p.wanted[key] = i
	}
	if len(p.wanted) == 0 {
		return
	}
	for i := range p.remote.Below(r) {
		if !p.isCandidate(Remote, i) {
			continue
		}
		key := p.sameness(Remote, i, whole)
		if first, ok := p.wanted[key]; ok && first != none {
			p.pair(first, i)
			p.deduped++
			p.wanted[key] = p.next[first]
		}
	}
}

func (p *pairs) on(s Side) (t, other *Tree, pairOf []int32) {
	if s == Local {
		return p.local, p.remote, p.remoteOf
	}
	return p.remote, p.local, p.localOf
}

// isCandidate reports whether node i of side s is new: the other side neither has
// it nor deleted it.
func (p *pairs) isCandidate(s Side, i int32) bool {
	t, other, pairOf := p.on(s)
	n := &t.nodes[i]
	return pairOf[i] == none && n.content != Content{} && !other.isDeleted(n.guid)
}

func (p *pairs) candidates(s Side, folder int32) (n, folders int) {
	t, _, _ := p.on(s)
	for i := range t.Below(folder) {
		if p.isCandidate(s, i) {
			n++
			if t.nodes[i].kind == Folder {
				folders++
			}
		}
	}
	return n, folders
}

func (p *pairs) sameness(s Side, i int32, whole bool) sameness {
	t, _, _ := p.on(s)
	key := sameness{kind: t.nodes[i].kind, content: t.nodes[i].content}
	if whole {
		if p.prints[s] == nil {
			p.prints[s] = fingerprints(t)
		}
		key.print = p.prints[s][i]
	}
	return key
}

// fingerprints sums up each node with all that is below it, whatever the order.
// They serve to tell folders of one name apart, so a collision costs nothing.
func fingerprints(t *Tree) []uint64 {
	prints := make([]uint64, t.Len())
	for i := len(prints) - 1; i > 0; i-- { // children come after their folder
		n := &t.nodes[i]
		own := binary.LittleEndian.Uint64(n.content[:8]) ^ uint64(n.kind)<<56
		prints[i] = mix(prints[i] + own)
		prints[n.parent] += mix(prints[i])
	}
	return prints
}

// mix spreads the bits of x: the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

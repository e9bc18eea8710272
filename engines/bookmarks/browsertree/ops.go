package browsertree

import (
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// planner plans the operations that bring the browser to the outcome, on a copy of its tree.
type planner struct {
	*merged
	view   *View
	report *report
	// now has the browser's children of each folder, by its ID or that of what is made: "+" and
	// the name of the item.
	now map[string][]string
	// in is the folder of each.
	in      map[string]string
	creates map[string]int
	ops     []Op
	hidden  map[engine.ID]bool
}

// plan plans. What the browser is not to have is in hidden afterwards.
func (m *merged) plan(v *View, r *report, browser *side) *planner {
	p := &planner{merged: m, view: v, report: r, now: make(map[string][]string, len(r.children)), in: make(map[string]string, len(r.nodes)), creates: map[string]int{}, hidden: map[engine.ID]bool{}}
	for folder, children := range r.children {
		for _, n := range children {
			p.now[folder] = append(p.now[folder], n.ID)
			p.in[n.ID] = folder
		}
	}
	p.hide()
	for _, root := range roots {
		p.standIn(root)
	}
	queue := slices.Clone(roots[:])
	for len(queue) > 0 {
		folder := queue[0]
		queue = queue[1:]
		if p.hidden[folder] {
			continue
		}
		p.fill(folder)
		for _, id := range m.children[folder] {
			if m.items[id].kind == bookmarks.Folder {
				queue = append(queue, id)
			}
		}
	}
	p.remove(m.goneFrom(browser), browser)
	return p
}

// remove removes what is gone. What is not merged and is in a folder that goes, such as the folder of
// the menu, comes to the nearest folder that stays.
func (p *planner) remove(gone []engine.ID, browser *side) {
	goes := make(map[string]bool, len(gone))
	for _, id := range gone {
		goes[browser.items[id].node] = true
	}
	for _, id := range gone {
		node := browser.items[id].node
		for _, c := range slices.Clone(p.now[node]) {
			if goes[c] {
				continue
			}
			to := node
			for goes[to] {
				to = p.report.nodes[to].Parent
			}
			p.take(c)
			p.op(Op{Do: Move, ID: c, Parent: to, Index: len(p.now[to]), Was: p.was(c)}, sent{})
			p.put(c, to, len(p.now[to]))
		}
	}
	for _, id := range gone {
		node := browser.items[id].node
		p.op(Op{Do: Remove, ID: node, Was: p.was(node)}, sent{})
	}
}

// goneFrom lists what the browser has and the outcome has not, those of a folder before it.
func (m *merged) goneFrom(browser *side) (gone []engine.ID) {
	browser.each(func(it *item) {
		if _, stays := m.ofBrowser[it.guid]; !stays && it.node != "" {
			gone = append(gone, it.guid)
		}
	})
	slices.Reverse(gone)
	return gone
}

// hide decides what the browser does not get.
func (p *planner) hide() {
	p.each(func(it *item) {
		refused, was := p.view.Refused[it.guid]
		switch {
		case p.hidden[it.parent]:
			p.hidden[it.guid] = true
		case it.node != "":
		case it.kind != bookmarks.Bookmark && it.kind != bookmarks.Folder, was && refused == it.value:
			p.hidden[it.guid] = true
		}
	})
}

// standIn makes the folder that stands for a root, if there is something to be in it.
func (p *planner) standIn(root engine.ID) {
	it := p.items[root]
	if it.node = p.report.roots[root]; it.node != "" {
		return
	}
	if !slices.ContainsFunc(p.children[root], func(id engine.ID) bool { return !p.hidden[id] }) {
		p.hidden[root] = true
		return
	}
	other := p.report.roots[unfiled]
	it.node = "+" + string(root)
	p.op(Op{Do: Create, Parent: other, Index: len(p.now[other]), Title: titleOf(root)}, sent{GUID: root, Create: true, Parent: unfiled, Kind: bookmarks.Folder, Value: value{Title: titleOf(root)}})
	p.creates[it.node] = p.view.Next
	p.put(it.node, other, len(p.now[other]))
}

// fill brings the items of a folder there, into their order and to their values.
func (p *planner) fill(folder engine.ID) {
	in := p.items[folder].node
	stays := p.staying(folder, in)
	at := 0 // behind the item before
	for _, id := range p.children[folder] {
		it := p.items[id]
		switch {
		case p.hidden[id]:
			continue
		case it.node == "":
			it.node = "+" + string(id)
			op := Op{Do: Create, Index: at, Title: it.value.Title, URL: it.value.URL}
			p.into(&op, in)
			p.op(op, sent{GUID: id, Create: true, Parent: folder, Kind: it.kind, Value: it.value})
			p.creates[it.node] = p.view.Next
			p.put(it.node, in, at)
		case stays[it.node]:
			for p.now[in][at] != it.node {
				at++
			}
			p.update(it)
		default:
			was := p.was(it.node)
			if from := p.in[it.node]; from == in && slices.Index(p.now[in], it.node) < at {
				at--
			}
			p.take(it.node)
			op := Op{Do: Move, ID: it.node, Index: at, Was: was}
			p.into(&op, in)
			p.op(op, sent{})
			p.put(it.node, in, at)
			p.update(it)
		}
		at++
	}
}

// staying are the items of a folder that need not move: a longest sequence that is in order.
func (p *planner) staying(folder engine.ID, in string) map[string]bool {
	at := make(map[string]int32, len(p.now[in]))
	for i, id := range p.now[in] {
		at[id] = int32(i)
	}
	var places []int32
	var ids []string
	for _, id := range p.children[folder] {
		node := p.items[id].node
		if i, ok := at[node]; ok && node != "" {
			places, ids = append(places, i), append(ids, node)
		}
	}
	stays := make(map[string]bool, len(ids))
	for i, ok := range tree.Increasing(places) {
		if ok {
			stays[ids[i]] = true
		}
	}
	return stays
}

// update gives an item another value, if the browser's says something else.
func (p *planner) update(it *item) {
	n := p.report.nodes[it.node]
	if n == nil || p.source[it.guid] != tree.FromRemote || same(valueOf(n), it.value, it.kind) {
		return
	}
	was := p.was(it.node)
	was.Parent = "" // it may have moved
	p.op(Op{Do: Update, ID: it.node, Title: it.value.Title, URL: it.value.URL, Was: was}, sent{GUID: it.guid, Kind: it.kind, Value: it.value})
}

func valueOf(n *Node) value {
	v := value{Title: n.Title}
	if n.URL != nil {
		v.URL = *n.URL
	}
	return v
}

func (p *planner) was(node string) *Was {
	n := p.report.nodes[node]
	v := valueOf(n)
	return &Was{Parent: n.Parent, Title: v.Title, URL: v.URL}
}

// into says to which folder an operation brings an item.
func (p *planner) into(op *Op, folder string) {
	if strings.HasPrefix(folder, "+") {
		op.In = p.creates[folder]
	} else {
		op.Parent = folder
	}
}

// op adds an operation, and notes what it is for.
func (p *planner) op(op Op, s sent) {
	p.view.Next++
	op.N = p.view.Next
	p.ops = append(p.ops, op)
	if s.GUID != "" {
		s.N = op.N
		p.view.Sent = append(p.view.Sent, s)
	}
}

func (p *planner) put(node, folder string, at int) {
	p.now[folder] = slices.Insert(p.now[folder], min(at, len(p.now[folder])), node)
	p.in[node] = folder
}

func (p *planner) take(node string) {
	list := p.now[p.in[node]]
	at := slices.Index(list, node)
	p.now[p.in[node]] = slices.Delete(list, at, at+1)
}

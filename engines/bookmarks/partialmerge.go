package bookmarks

import (
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// planPart plans a merge of a window of both trees. What it decides is what plan decides. It
// fails with errEntangled where that takes the whole trees.
func (s *session) planPart(t *tx) (*plan, error) {
	w, err := s.newWindow(t)
	if err != nil {
		return nil, err
	}
	for {
		p, err := s.planWindow(w)
		if err != nil {
			return nil, err
		}
		more := p.toOpen()
		if len(more) == 0 {
			s.e.partialMerges.Add(1)
			s.e.itemsRead.Add(int64(len(w.items) + len(w.mirror)))
			return p, p.count(t)
		}
		if err := w.openAll(more); err != nil {
			return nil, err
		}
	}
}

// planWindow merges what the window has.
func (s *session) planWindow(w *window) (*plan, error) {
	l, err := s.newLoader(w.tx)
	if err != nil {
		return nil, err
	}
	l.items, l.plan.items, l.plan.open = slices.Clone(w.items), w.rest, w.open
	if err := l.localChanges(); err != nil {
		return nil, err
	}
	if err := l.remoteWindow(w); err != nil {
		return nil, err
	}
	return l.plan, l.merge(l.mirror, s.Start.Prefer, func() (engine.ID, error) { return "", errEntangled })
}

// remoteWindow builds the remote tree of a window.
func (l *loader) remoteWindow(w *window) error {
	l.hidden = &hidden{}
	l.mirror = &mirrorTree{tx: l.tx, parents: make(map[engine.ID]engine.ID, len(w.mirror))}
	holds := make(map[engine.ID]bool) // folders that items of the window are in
	for i := range w.mirror {
		it := &w.mirror[i]
		l.mirror.parents[it.GUID] = it.Parent
		holds[it.Parent] = true
	}
	for guid, s := range w.seen {
		if !w.isAlike(guid, s) {
			return errEntangled
		}
		if _, staged := w.staged[guid]; staged || s.mirror < 0 {
			continue
		}
		var children []engine.ID
		if w.open[guid] || holds[guid] {
			list, err := w.list(guid)
			if err != nil {
				return err
			}
			children = slices.DeleteFunc(slices.Clone(list), func(child engine.ID) bool { return w.seen[child] == nil })
		}
		if err := l.insert(w.mirror[s.mirror], children); err != nil {
			return err
		}
	}
	if err := l.stagedItems(); err != nil {
		return err
	}
	return l.refine()
}

// toOpen lists the folders that the plan gives other children, of which not all were read.
func (p *plan) toOpen() (folders []engine.ID) {
	m := p.merged
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.GUID != Root && !p.open[n.GUID] && p.isFolder(n) && !p.keepsChildren(n) {
			folders = append(folders, n.GUID)
		}
	}
	for _, side := range []struct {
		*tree.Tree
		gone []engine.ID
	}{{p.local, m.DeleteLocal}, {p.remote, m.DeleteRemote}} {
		for _, guid := range side.gone {
			if i, ok := side.Index(guid); ok && side.Item(i).Kind == tree.Folder && !p.open[guid] {
				folders = append(folders, guid)
			}
		}
	}
	return folders
}

// isFolder reports whether a node is a folder, or was one on either side.
func (p *plan) isFolder(n *tree.Node) bool {
	return n.Kind == tree.Folder || n.Local >= 0 && p.local.Item(n.Local).Kind == tree.Folder ||
		n.Remote >= 0 && p.remote.Item(n.Remote).Kind == tree.Folder
}

// keepsChildren reports whether a node has the children that it has on both sides, as far as
// they were read.
func (p *plan) keepsChildren(n *tree.Node) bool {
	if n.Local < 0 || n.Remote < 0 {
		return false
	}
	children := p.merged.Nodes[n.First : n.First+n.Count]
	k := 0
	for i := range p.local.Below(n.Local) {
		if k == len(children) || children[k].Local != i {
			return false
		}
		k++
	}
	if k != len(children) {
		return false
	}
	k = 0
	for i := range p.remote.Below(n.Remote) {
		if k == len(children) || children[k].Remote != i {
			return false
		}
		k++
	}
	return k == len(children)
}

// count counts the user's items, if that matters.
func (p *plan) count(t *tx) error {
	if len(p.merged.DeleteLocal) <= someDeletions {
		return nil
	}
	return t.QueryRow(sqlCount).Scan(&p.total)
}

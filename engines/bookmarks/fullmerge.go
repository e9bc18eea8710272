package bookmarks

import (
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// apply brings the user's tree to what the plan says.
func (s *session) apply(t *tx, p *plan) (*applier, error) {
	w := &fullMerge{applier: newApplier(t, s), plan: p, rows: make([]int64, len(p.merged.Nodes))}
	for kind, n := range p.merged.RemoteProblems.Counts {
		if n > 0 {
			w.undo.repairs[tree.ProblemKind(kind).String()] = n
		}
	}
	for _, step := range []func() error{w.rename, w.place, w.order, w.addTombstones, w.count} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return w.applier, w.absorb()
}

// fullMerge applies a plan.
type fullMerge struct {
	*applier
	plan *plan
	rows []int64 // the row of each node
}

// here is what the user has of a node, or nil.
func (w *fullMerge) here(n *tree.Node) *localItem {
	if n.Local < 0 {
		return nil
	}
	return &w.plan.items[w.plan.local.Item(n.Local).Ref]
}

// rename gives local items that were found in the account their GUIDs there. Two
// may swap theirs, so all get another one first.
func (w *fullMerge) rename() error {
	var old []engine.ID
	for i := range w.plan.merged.Nodes {
		if n := &w.plan.merged.Nodes[i]; n.Apply&tree.ApplyGUID != 0 {
			old = append(old, w.plan.local.Item(n.Local).GUID)
			if _, err := w.Exec(sqlSetGUID, w.here(n).n, "~"+string(n.GUID)); err != nil {
				return err
			}
		}
	}
	if old == nil {
		return nil
	}
	for i := range w.plan.merged.Nodes {
		if n := &w.plan.merged.Nodes[i]; n.Apply&tree.ApplyGUID != 0 {
			if _, err := w.Exec(sqlSetGUID, w.here(n).n, n.GUID); err != nil {
				return err
			}
			w.touched[n.GUID] = struct{}{}
			old = slices.DeleteFunc(old, func(guid engine.ID) bool { return guid == n.GUID })
		}
	}
	_, err := w.Exec(sqlAddTombstones, guidList(old), w.now)
	return err
}

// place inserts and changes items and moves them to their folders, a folder
// before what is in it.
func (w *fullMerge) place() error {
	for i := range w.plan.merged.Nodes {
		n := &w.plan.merged.Nodes[i]
		here := w.here(n)
		var err error
		switch {
		case here == nil && w.plan.added:
			// It is here.
		case here == nil:
			w.rows[i], err = w.insertNode(n)
		case IsRoot(n.GUID):
			w.rows[i], err = here.n, w.root(n, here)
		default:
			w.rows[i], err = here.n, w.changeNode(n, here)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// insertNode adds an item that is new here, and returns its row.
func (w *fullMerge) insertNode(n *tree.Node) (int64, error) {
	r, at, err := w.incoming(w.plan.remote.Item(n.Remote).GUID)
	if err != nil {
		return 0, err
	}
	return w.insert(n.GUID, &r, at, w.rows[n.Parent], int(n.Position), n.Upload)
}

// changeNode gives an item its value and its folder, where they are others.
func (w *fullMerge) changeNode(n *tree.Node, here *localItem) error {
	value, moves := n.Apply&tree.ApplyValue != 0 || n.Conflict, n.Apply&tree.ApplyParent != 0
	if !value && !moves {
		return nil
	}
	it, err := w.findRow(here.n)
	if err == nil && value {
		err = w.value(n, it)
	}
	if err != nil || !moves {
		return err
	}
	w.undo.move(it)
	w.touched[it.ID] = struct{}{}
	_, err = w.Exec(sqlSetPlace, it.n, w.rows[n.Parent], n.Position)
	return err
}

// root gives a root what the account has of it, if that has its record: the tree
// has roots that no record describes.
func (w *fullMerge) root(n *tree.Node, here *localItem) error {
	if n.Remote < 0 {
		return nil
	}
	r, _, err := w.incoming(n.GUID)
	if err != nil {
		return notFoundIsNil(err)
	}
	it, err := w.findRow(here.n)
	if err != nil {
		return err
	}
	return w.applier.root(it, &r)
}

// value gives an item the remote value. Where both sides changed it, each field
// comes from the side that changed it, as far as their last common value tells.
func (w *fullMerge) value(n *tree.Node, it *row) error {
	r, at, err := w.incoming(w.plan.remote.Item(n.Remote).GUID)
	if err != nil {
		return err
	}
	base, err := w.base(r.guid)
	if err != nil {
		return err
	}
	value, mineWins := r, false
	if n.Conflict {
		mine := recordOf(it)
		mineWins = n.Value == tree.FromLocal
		value = mergeFields(base, mine, &r, mineWins)
		n.Upload = n.Upload && !n.ForValue || !sameValue(&value, &r) || r.datesBack(value.added)
		if sameValue(&value, mine) {
			w.label(it.place, &r, at, base, mineWins)
			return nil
		}
	}
	place, err := w.set(it, &value, at)
	if err != nil {
		return err
	}
	if place != it.place {
		w.label(place, &value, at, nil, mineWins) // the tags come along to the new URL
	} else {
		w.label(place, &r, at, base, mineWins)
	}
	return nil
}

// base is what both sides had of an item after the last sync; nil if nothing is
// known of that.
func (t *tx) base(guid engine.ID) (*record, error) {
	old, ok, err := t.mirrored(guid)
	if !ok {
		return nil, err
	}
	return &old, err
}

// order puts siblings into their order.
func (w *fullMerge) order() error {
	m := w.plan.merged
	for i := range m.Nodes {
		folder := &m.Nodes[i]
		if !w.plan.isOpen(folder.GUID) {
			continue // nothing of it changes
		}
		children := m.Nodes[folder.First : folder.First+folder.Count]
		due := false
		for j := range children {
			c := &children[j]
			here := w.here(c)
			if here == nil || c.Apply&tree.ApplyParent == 0 && here.position == int(c.Position) {
				continue
			}
			due = true
			if _, err := w.Exec(sqlSetPosition, w.rows[int(folder.First)+j], c.Position); err != nil {
				return err
			}
		}
		if due && folder.Local >= 0 {
			if err := w.reordered(folder, children); err != nil {
				return err
			}
		}
	}
	return nil
}

// reordered keeps a folder's old order if its items changed places among
// themselves, and not just by what came and went between them.
func (w *fullMerge) reordered(folder *tree.Node, children []tree.Node) error {
	var positions []int32
	for i := range children {
		if c := &children[i]; c.Local >= 0 {
			if it := w.plan.local.Item(c.Local); it.Parent == w.plan.local.Item(folder.Local).GUID {
				positions = append(positions, it.Position)
			}
		}
	}
	moved := outOfOrder(positions)
	if moved == 0 {
		return nil
	}
	var before []engine.ID
	for c := range w.plan.local.Below(folder.Local) {
		before = append(before, w.plan.local.Item(c).GUID)
	}
	it, err := w.find(folder.GUID)
	if err != nil {
		return err
	}
	w.touched[folder.GUID] = struct{}{}
	w.undo.reorder(it, before, moved)
	return nil
}

// outOfOrder is the least number of items that must move to sort the sequence.
func outOfOrder(sequence []int32) int {
	var tails []int32 // tails[k] ends the best rising run of length k+1
	for _, v := range sequence {
		k, _ := slices.BinarySearch(tails, v)
		if k == len(tails) {
			tails = append(tails, v)
		} else {
			tails[k] = v
		}
	}
	return len(sequence) - len(tails)
}

// addTombstones deletes what is gone, here and there.
func (w *fullMerge) addTombstones() error {
	m := w.plan.merged
	if len(m.DeleteLocal) > 0 {
		if err := w.delete(m.DeleteLocal); err != nil {
			return err
		}
	}
	remove := sqlRemoveTombstone
	if w.first {
		remove = sqlRemoveMetTombstone
	}
	for _, guid := range m.Forget {
		if _, err := w.Exec(remove, guid); err != nil {
			return err
		}
	}
	for _, guid := range m.DeleteRemote {
		if _, err := w.Exec(sqlTombstone, guid, w.now); err != nil {
			return err
		}
	}
	return nil
}

// count sets the change counters: what both sides agree on has no change left.
func (w *fullMerge) count() error {
	if _, err := w.hiddenGUIDs(); err != nil {
		return err
	}
	rows, err := w.Query(sqlRetryAll)
	if err != nil {
		return err
	}
	unreadable, err := scanAll[engine.ID](rows)
	if err != nil {
		return err
	}
	damaged := set(unreadable)
	for i := range w.plan.merged.Nodes {
		n := &w.plan.merged.Nodes[i]
		if here := w.here(n); here != nil && n.GUID != Root {
			if err := w.countOf(n, here, damaged[n.GUID]); err != nil {
				return err
			}
		}
	}
	return nil
}

// countOf sets the change counter of one item. damaged is set if its record on the server
// cannot be read: what waits to go up takes the place of that.
func (w *fullMerge) countOf(n *tree.Node, here *localItem, damaged bool) (err error) {
	switch changed := here.changes > 0; {
	case n.Upload && !changed:
		if !w.hidden[n.GUID] { // else it is a root: another device may have a good copy
			_, err = w.Exec(sqlMustGo, here.n)
		}
	case !n.Upload && changed && !damaged:
		_, err = w.Exec(sqlSetChanges, here.n, 0)
	}
	return err
}

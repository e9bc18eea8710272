package bookmarks

import (
	"cmp"
	"database/sql"
	"errors"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/tree"
)

// applier changes the user's tree in the name of a sync. It keeps what it changes
// and counts it.
type applier struct {
	*tx
	keeper *keeper
	start  engine.Start
	skew   int64
	// touched are the items that came to be other than they were.
	touched map[engine.ID]struct{}
	labels  []labelled
	// made are the places that came with their first bookmark.
	made map[int64]struct{}
}

func newApplier(t *tx, s *session) *applier {
	return &applier{tx: t, keeper: newKeeper(), start: s.start, skew: s.skew(t), touched: make(map[engine.ID]struct{}), made: make(map[int64]struct{})}
}

// insert adds an item as a record says it.
func (a *applier) insert(guid engine.ID, r *record, at engine.Timestamp, folder int64, position int, upload bool) (int64, error) {
	it := &row{parent: folder, extra: r.extra}
	it.Item = Item{GUID: guid, Kind: r.kind, Position: position, Title: r.title, URL: r.url,
		Added: instant(r.added), Modified: at.Time()}
	if upload {
		it.changes = 1
	}
	if r.url != "" {
		_, known, err := a.Find(r.url)
		if err != nil {
			return 0, err
		}
		if it.place, err = a.Ensure(r.url); err != nil {
			return 0, err
		}
		delete(a.made, it.place)
		if !known {
			a.made[it.place] = struct{}{}
		}
	}
	n, err := a.tx.insert(it)
	if err != nil {
		return 0, err
	}
	a.keeper.add(guid)
	a.touched[guid] = struct{}{}
	a.label(it.place, r, at)
	return n, nil
}

// set gives an item the values of a record.
func (a *applier) set(it *row, r *record, at engine.Timestamp) (err error) {
	a.keeper.change(it)
	a.touched[it.GUID] = struct{}{}
	place := int64(0)
	if r.url != "" {
		if place, err = a.Ensure(r.url); err != nil {
			return err
		}
	}
	for _, p := range []int64{it.place, place} {
		if p != 0 {
			a.refresh[p] = struct{}{}
		}
	}
	added := ratchet(unixMilli(it.Added), r.added)
	if _, err := a.Exec(sqlSetValue, it.n, r.kind, place, r.title, added, int64(at)*10, text0(r.extra)); err != nil {
		return err
	}
	a.label(place, r, at)
	return nil
}

// delete deletes items that the server has no longer.
func (a *applier) delete(guids []engine.ID) error {
	for _, guid := range guids {
		r, err := a.find(guid)
		if err != nil {
			return err
		}
		a.keeper.remove(r)
		a.touched[guid] = struct{}{}
		if r.place != 0 {
			a.refresh[r.place] = struct{}{}
		}
	}
	_, err := a.Exec(sqlDelete, guidList(guids))
	return err
}

// labelled is what one record says about the tags and the keyword of its URL.
type labelled struct {
	place   int64
	guid    engine.ID
	at      engine.Timestamp
	tags    []string
	keyword string
}

func (a *applier) label(place int64, r *record, at engine.Timestamp) {
	if place != 0 {
		a.labels = append(a.labels, labelled{place, r.guid, at, r.tags, r.keyword})
	}
}

// applyLabels gives URLs the tags and keywords that the newest of their records
// have, or leaves them where an edit of the user's is newer. Records that say
// otherwise go up again, or the next device would have to choose, too.
func (a *applier) applyLabels() error {
	slices.SortFunc(a.labels, func(x, y labelled) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.guid, y.guid))
	})
	last := make(map[int64]int, len(a.labels))
	for i, l := range a.labels {
		last[l.place] = i
	}
	var disputed []int64
	for i, l := range a.labels {
		if last[l.place] != i {
			continue
		}
		if _, made := a.made[l.place]; made && len(l.tags) == 0 && l.keyword == "" {
			continue
		}
		all, err := a.rows(sqlByPlace, l.place)
		if err != nil {
			return err
		}
		if len(all) > 1 {
			disputed = append(disputed, l.place)
			if a.newerHere(all, l) {
				continue
			}
		}
		_, stolen, err := a.setLabels(l.place, l.tags, l.keyword)
		if err != nil {
			return err
		}
		if stolen != 0 {
			disputed = append(disputed, stolen)
		}
	}
	for _, place := range disputed {
		if err := a.correct(place); err != nil {
			return err
		}
	}
	return nil
}

// newerHere reports whether the user edited another bookmark of the URL later.
func (a *applier) newerHere(all []*row, l labelled) bool {
	if a.start.Prefer == engine.PreferRemote {
		return false
	}
	return slices.ContainsFunc(all, func(r *row) bool {
		return r.changes > 0 && r.GUID != l.guid &&
			(a.start.Prefer == engine.PreferLocal || unixMilli(r.Modified)+a.skew > int64(l.at)*10)
	})
}

// correct sends up those records of a URL's bookmarks that have other tags or
// another keyword than the URL.
func (a *applier) correct(place int64) error {
	all, err := a.rows(sqlByPlace, place)
	if err != nil {
		return err
	}
	for _, r := range all {
		there, _, err := a.incoming(r.GUID)
		if errors.Is(err, sql.ErrNoRows) {
			continue // it is new, and goes up
		}
		if err != nil {
			return err
		}
		if !slices.Equal(there.tags, r.Tags) || there.keyword != r.Keyword {
			if _, err := a.Exec(sqlMustGo, r.n); err != nil {
				return err
			}
		}
	}
	return nil
}

// absorb makes what was staged the mirror, and settles what the transaction did.
func (a *applier) absorb() error {
	if err := a.applyLabels(); err != nil {
		return err
	}
	if err := a.settle(); err != nil {
		return err
	}
	if err := a.keeper.write(a.tx, a.start.Run); err != nil {
		return err
	}
	return execAll(a.Tx, sqlMirrorGone, sqlMirrorPut, sqlDropStaged)
}

// apply brings the user's tree to what the plan says.
func (s *session) apply(t *tx, p *plan) (*applier, error) {
	w := &whole{applier: newApplier(t, s), plan: p, rows: make([]int64, len(p.merged.Nodes))}
	for kind, n := range p.merged.RemoteProblems.Counts {
		if n > 0 {
			w.keeper.repairs[tree.ProblemKind(kind).String()] = n
		}
	}
	for _, step := range []func() error{w.rename, w.place, w.order, w.bury, w.count} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return w.applier, w.absorb()
}

// whole applies the merge of the whole tree.
type whole struct {
	*applier
	plan *plan
	rows []int64 // the row of each node
}

// here is what the user has of a node, or nil.
func (w *whole) here(n *tree.Node) *localItem {
	if n.Local < 0 {
		return nil
	}
	return &w.plan.items[w.plan.local.Item(n.Local).Ref]
}

// rename gives local items that were found in the account their GUIDs there. Two
// may swap theirs, so all get another one first.
func (w *whole) rename() error {
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
	_, err := w.Exec(sqlBury, guidList(old), w.now)
	return err
}

// place inserts and changes items and moves them to their folders, a folder
// before what is in it.
func (w *whole) place() error {
	for i := range w.plan.merged.Nodes {
		n := &w.plan.merged.Nodes[i]
		here := w.here(n)
		if here == nil {
			remote := w.plan.remote.Item(n.Remote)
			r, at, err := w.incoming(remote.GUID)
			if err != nil {
				return err
			}
			if w.rows[i], err = w.insert(n.GUID, &r, at, w.rows[n.Parent], int(n.Position), n.Upload); err != nil {
				return err
			}
			continue
		}
		w.rows[i] = here.n
		if IsRoot(n.GUID) {
			if err := w.root(n, here); err != nil {
				return err
			}
			continue
		}
		if n.Apply&(tree.ApplyValue|tree.ApplyParent) == 0 && !n.Conflict {
			continue
		}
		it, err := w.findRow(here.n)
		if err != nil {
			return err
		}
		if n.Apply&tree.ApplyValue != 0 || n.Conflict {
			if err := w.value(n, it); err != nil {
				return err
			}
		}
		if n.Apply&tree.ApplyParent != 0 {
			w.keeper.move(it)
			w.touched[it.GUID] = struct{}{}
			if _, err := w.Exec(sqlSetPlace, it.n, w.rows[n.Parent], n.Position); err != nil {
				return err
			}
		}
	}
	return nil
}

// root gives a root the age and the unknown members that it has in the account.
// Its name is every browser's own matter.
func (w *whole) root(n *tree.Node, here *localItem) error {
	if n.Remote < 0 {
		return nil
	}
	r, _, err := w.incoming(n.GUID)
	if err != nil {
		return notFoundIsNil(err) // the tree has roots that no record describes
	}
	_, err = w.Exec(sqlSetRoot, here.n, r.added, text0(r.extra))
	return err
}

// value gives an item the remote value. Where both sides changed it and their
// last common value is known, each field comes from the side that changed it.
func (w *whole) value(n *tree.Node, it *row) error {
	r, at, err := w.incoming(w.plan.remote.Item(n.Remote).GUID)
	if err != nil {
		return err
	}
	if n.Conflict {
		base, ok, err := w.mirrored(r.guid)
		if err != nil {
			return err
		}
		mine := recordOf(it)
		switch {
		case ok:
			merged := mergeFields(&base, mine, &r, n.Value == tree.FromLocal)
			n.Upload = n.Upload || !sameValue(&merged, &r)
			if sameValue(&merged, mine) {
				return nil
			}
			r = merged
		case n.Value == tree.FromLocal:
			return nil
		}
	}
	return w.set(it, &r, at)
}

// order puts siblings into their order.
func (w *whole) order() error {
	m := w.plan.merged
	for i := range m.Nodes {
		folder := &m.Nodes[i]
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
func (w *whole) reordered(folder *tree.Node, children []tree.Node) error {
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
	w.keeper.reorder(it, before, moved)
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

// bury deletes what is gone, here and there.
func (w *whole) bury() error {
	m := w.plan.merged
	if len(m.DeleteLocal) > 0 {
		if err := w.delete(m.DeleteLocal); err != nil {
			return err
		}
	}
	for _, guid := range m.Forget {
		if _, err := w.Exec(sqlUnbury, guid); err != nil {
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
func (w *whole) count() error {
	for i := range w.plan.merged.Nodes {
		n := &w.plan.merged.Nodes[i]
		here := w.here(n)
		if here == nil || n.GUID == Root {
			continue
		}
		var err error
		switch {
		case n.Upload && here.changes == 0:
			_, err = w.Exec(sqlMustGo, here.n)
		case !n.Upload && here.changes > 0:
			_, err = w.Exec(sqlSetChanges, here.n, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mergeFields merges two values field by field: what one side changed of the base
// stands; where both changed the same field, it is mine if mineWins.
func mergeFields(base, mine, theirs *record, mineWins bool) record {
	winner, other := theirs, mine
	if mineWins {
		winner, other = mine, theirs
	}
	m := *winner
	m.guid = theirs.guid
	if winner.url == base.url && winner.kind == base.kind {
		m.url, m.kind = other.url, other.kind
	}
	if winner.title == base.title {
		m.title = other.title
	}
	if slices.Equal(winner.tags, base.tags) {
		m.tags = other.tags
	}
	if winner.keyword == base.keyword {
		m.keyword = other.keyword
	}
	if slices.Equal(winner.extra, base.extra) {
		m.extra = other.extra
	}
	m.added = ratchet(mine.added, theirs.added)
	return m
}

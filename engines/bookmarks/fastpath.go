package bookmarks

import (
	"context"
	"errors"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// maxFastPath is how many incoming records are tried without the whole tree.
const maxFastPath = 1000

// tryFastPath applies what was staged without a look at the rest of the tree, if it
// can be seen to be right: the user has changed nothing of what it touches, and the
// records agree with each other and with the tree around them. It fails with errEntangled
// if the trees must be merged; nothing happened then.
//
// That no folder moves, and that each item that enters a folder or leaves it is
// among the records, is what makes a look around enough: no cycle can come of it,
// no orphan, no second parent.
func (s *session) tryFastPath(ctx context.Context) error {
	// Where nothing was ever synced, what is here must be found in what is there.
	var synced, staged int
	db := s.e.db
	if err := db.QueryRow(ctx, sqlMirrorAny).Scan(&synced); err != nil {
		return err
	}
	if err := db.QueryRow(ctx, sqlCountStaged, maxFastPath+1).Scan(&staged); err != nil {
		return err
	}
	var hidden int
	if err := db.QueryRow(ctx, sqlHiddenAny).Scan(&hidden); err != nil {
		return err
	}
	switch {
	case synced > 0 && staged == 0:
		return nil
	case synced == 0, staged > maxFastPath, hidden > 0:
		return errEntangled
	}
	return s.e.merge(ctx, func(t *tx) error {
		d := &fastPath{tx: t, session: s, records: make(map[engine.ID]*arrival)}
		if err := d.read(); err != nil {
			return err
		}
		return d.run()
	})
}

// fastPath is one such attempt.
type fastPath struct {
	*tx
	session *session
	guids   []engine.ID
	records map[engine.ID]*arrival
}

// arrival is a staged record, and what the user has under its GUID.
type arrival struct {
	record
	at        engine.Timestamp
	tombstone bool
	here      *row        // nil: nothing
	old       *record     // the mirror's; nil: none
	children  []engine.ID // of here
	// value, moves and sorts are what it changes of here.
	value, moves, sorts bool
}

func (d *fastPath) read() error {
	rows, err := d.Query(sqlStaged)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		a := &arrival{}
		var payload []byte
		if err := rows.Scan(&a.guid, &a.parent, &a.kind, &a.at, &payload); err != nil {
			return err
		}
		if a.tombstone = payload == nil; !a.tombstone {
			if a.record, err = parseRecord(a.guid, payload, a.at); err != nil {
				return err
			}
		}
		d.records[a.guid] = a
		d.guids = append(d.guids, a.guid)
	}
	return rows.Err()
}

func (d *fastPath) run() error {
	for _, guid := range d.guids {
		if err := d.look(d.records[guid]); err != nil {
			return err
		}
	}
	for _, guid := range d.guids {
		if a := d.records[guid]; !d.agrees(a) {
			return errEntangled
		}
	}
	return d.apply()
}

// look reads what the user has, and finds out whether the record by itself can
// be applied as it is.
func (d *fastPath) look(a *arrival) error {
	deletedHere, err := d.readHere(a)
	if err != nil {
		return err
	}
	if deletedHere || !tree.ValidGUID(a.guid) || (a.old != nil) != (a.here != nil) || a.rewritten {
		return errEntangled
	}
	if a.here != nil && (a.here.changes > 0 || a.old.parent != a.here.Parent) {
		return errEntangled
	}
	alone := d.canChange
	switch {
	case a.here == nil:
		alone = d.canInsert
	case a.tombstone:
		alone = d.canDelete
	}
	if !alone(a) {
		return errEntangled
	}
	return nil
}

// readHere reads what the user has under the record's GUID, and what the mirror has.
func (d *fastPath) readHere(a *arrival) (deleted bool, err error) {
	if err := d.QueryRow(sqlHasTombstone, a.guid).Scan(&deleted); err != nil {
		return false, err
	}
	if a.old, err = d.base(a.guid); err != nil {
		return false, err
	}
	a.here, err = d.find(a.guid)
	switch {
	case errors.Is(err, errNotFound):
		return deleted, nil
	case err == nil && a.here.Kind == Folder:
		a.children, err = d.tx.guids(a.here.n)
	}
	return deleted, err
}

// canInsert reports whether a record that is new here has its folder among the records. A
// tombstone of what is not here has nothing to do.
func (d *fastPath) canInsert(a *arrival) bool {
	return a.tombstone || a.kind != livemark && !IsRoot(a.guid) && d.records[a.parent] != nil
}

// canDelete reports whether the item can go: it is empty, and its folder is among the
// records.
func (d *fastPath) canDelete(a *arrival) bool {
	return len(a.children) == 0 && !IsRoot(a.guid) && d.records[a.here.Parent] != nil
}

// canChange finds out what the record changes of the item, and reports whether that is
// its value, its order, or, unless it is a folder, its place between two folders that are
// among the records.
func (d *fastPath) canChange(a *arrival) bool {
	if a.kind != a.here.Kind {
		return false
	}
	a.value = !IsRoot(a.guid) && !sameValue(&a.record, recordOf(a.here))
	a.moves = a.parent != a.here.Parent
	a.sorts = a.kind == Folder && !slices.Equal(a.children, a.record.children)
	return !a.moves || a.kind != Folder && d.records[a.parent] != nil && d.records[a.here.Parent] != nil
}

// agrees reports whether a folder's list and its items' parents are the same
// statement, and whether the folder of each item lists it.
func (d *fastPath) agrees(a *arrival) bool {
	switch {
	case a.tombstone:
		return true
	case a.guid != Root && !d.isListed(a):
		return false
	case a.kind != Folder:
		return true
	case a.here != nil && !a.sorts:
		return d.stays(a)
	}
	return d.listAgrees(a)
}

// isListed reports whether the item's folder, if it is among the records, lists it.
func (d *fastPath) isListed(a *arrival) bool {
	folder := d.records[a.parent]
	return folder == nil || !folder.tombstone && folder.kind == Folder && slices.Contains(folder.record.children, a.guid)
}

// listAgrees reports whether each item of a folder's new list was in the old one or comes
// with the records, once, and each that left is deleted or put elsewhere by them.
func (d *fastPath) listAgrees(a *arrival) bool {
	listed, had := set(a.record.children), set(a.children)
	if len(listed) < len(a.record.children) {
		return false // one is there twice
	}
	for _, guid := range a.record.children {
		child := d.records[guid]
		if child == nil && !had[guid] || child != nil && (child.tombstone || child.parent != a.guid) {
			return false
		}
	}
	for _, guid := range a.children {
		child := d.records[guid]
		if !listed[guid] && (child == nil || !child.tombstone && child.parent == a.guid) {
			return false
		}
	}
	return true
}

// stays reports whether no record takes an item out of a folder whose list is
// the same as before.
func (d *fastPath) stays(a *arrival) bool {
	for _, guid := range a.children {
		if child := d.records[guid]; child != nil && (child.tombstone || child.parent != a.guid) {
			return false
		}
	}
	return true
}

func (d *fastPath) apply() error {
	a := newApplier(d.tx, d.session)
	var gone []engine.ID
	for _, guid := range d.guids {
		if r := d.records[guid]; r.tombstone && r.here != nil {
			gone = append(gone, guid)
		}
	}
	if len(gone) > someDeletions {
		total := 0
		if err := d.QueryRow(sqlCount).Scan(&total); err != nil {
			return err
		}
		if err := tooManyDeletions(len(gone), total-len(wireIDs), d.session.Start); err != nil {
			return err
		}
	}
	rows := make(map[engine.ID]int64)
	for _, guid := range d.guids {
		if err := d.bring(a, d.records[guid], rows); err != nil {
			return err
		}
	}
	if err := d.sort(a, rows); err != nil {
		return err
	}
	if len(gone) > 0 {
		if err := a.delete(gone); err != nil {
			return err
		}
	}
	if err := a.absorb(); err != nil {
		return err
	}
	d.session.report(a, d.guids)
	return nil
}

// bring inserts or changes one item, its new folder first, and notes its row.
func (d *fastPath) bring(a *applier, r *arrival, rows map[engine.ID]int64) error {
	if _, done := rows[r.guid]; done || r.tombstone {
		return nil
	}
	if r.here != nil {
		rows[r.guid] = r.here.n
		if IsRoot(r.guid) {
			return a.root(r.here, &r.record)
		}
		if !r.value {
			return nil
		}
		place, err := a.set(r.here, &r.record, r.at)
		if err != nil {
			return err
		}
		base := r.old
		if place != r.here.place {
			base = nil
		}
		a.label(place, &r.record, r.at, base, false)
		return nil
	}
	folder := d.records[r.parent]
	if folder.here == nil && r.depth(d) > len(d.guids) {
		return errEntangled // new folders within each other
	}
	if err := d.bring(a, folder, rows); err != nil {
		return err
	}
	n, err := a.insert(r.guid, &r.record, r.at, rows[r.parent], slices.Index(folder.record.children, r.guid), false)
	rows[r.guid] = n
	return err
}

// depth is how many new folders are above a new item; more than there are
// records if they go in a circle.
func (r *arrival) depth(d *fastPath) (n int) {
	for above := d.records[r.parent]; above != nil && above.here == nil && n <= len(d.guids); above = d.records[above.parent] {
		n++
	}
	return n
}

// sort gives each folder the list of its record.
func (d *fastPath) sort(a *applier, rows map[engine.ID]int64) error {
	for _, guid := range d.guids {
		f := d.records[guid]
		if f.tombstone || f.kind != Folder || f.here != nil && !f.sorts {
			continue
		}
		if err := d.sortFolder(a, f, rows[guid]); err != nil {
			return err
		}
	}
	return nil
}

func (d *fastPath) sortFolder(a *applier, f *arrival, row int64) error {
	was := make(map[engine.ID]int32, len(f.children))
	for i, guid := range f.children {
		was[guid] = int32(i)
	}
	var stayed []int32 // the old positions of those that were in it before
	for i, guid := range f.record.children {
		var err error
		if child := d.records[guid]; child != nil && child.moves {
			a.undo.move(child.here)
			a.touched[guid] = struct{}{}
			_, err = d.Exec(sqlSetPlace, child.here.n, row, i)
		} else if old, here := was[guid]; here {
			stayed = append(stayed, old)
			if int(old) != i {
				_, err = d.Exec(sqlSetPositionOf, guid, i)
			}
		}
		if err != nil {
			return err
		}
	}
	if moved := outOfOrder(stayed); moved > 0 {
		a.touched[f.guid] = struct{}{}
		a.undo.reorder(f.here, f.children, moved)
	}
	return nil
}

package bookmarks

import (
	"maps"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// applier changes the user's tree for a sync. It records what it changes, and counts it.
type applier struct {
	*tx
	undo  *undoRecorder
	start engine.Start
	skew  int64
	// touched are the items that came to be other than they were.
	touched map[engine.ID]struct{}
	labels  []labelled
	// corrections are the rows of items whose records must go up after all.
	corrections []int64
	// first: it is the first merge after a Reset. revived are items that it brings back
	// although they were deleted.
	first   bool
	revived map[engine.ID]bool
}

func newApplier(t *tx, s *session) *applier {
	u := newUndoRecorder()
	u.readding = s.cleared == wipedHere
	return &applier{tx: t, undo: u, start: s.Start, skew: s.skew(), touched: t.changed, first: s.Since() == 0, revived: s.revived}
}

// insert adds an item as a record says it.
func (a *applier) insert(guid engine.ID, r *record, at engine.Timestamp, folder int64, position int, upload bool) (int64, error) {
	it := &row{parent: folder, extra: r.extra}
	it.Item = Item{ID: guid, Kind: r.kind, Position: position, Title: r.title, URL: r.url,
		Added: instant(r.added), Modified: at.Time()}
	if upload || a.revived[guid] { // the other devices know the deletion as well
		it.changes = 1
	}
	known := true
	if r.url != "" {
		var err error
		if _, known, err = a.Find(r.url); err != nil {
			return 0, err
		}
	}
	n, err := a.tx.insert(it)
	if err != nil {
		return 0, err
	}
	if !known {
		a.fresh[it.place] = places.Bookmarked{Count: 1, Added: r.added * 1000, Text: r.title}
	}
	a.undo.add(guid)
	a.touched[guid] = struct{}{}
	a.correctDate(n, r, r.added)
	a.label(it.place, r, at, nil, false)
	return n, nil
}

// correctDate sends an item's record up if that has a later date than the item.
func (a *applier) correctDate(n int64, r *record, added int64) {
	if r.datesBack(added) {
		a.corrections = append(a.corrections, n)
	}
}

// set gives an item the values of a record, and returns the place that it has
// then. Tags and keyword are that one's; see label.
func (a *applier) set(it *row, r *record, at engine.Timestamp) (place int64, err error) {
	a.undo.change(it)
	a.touched[it.ID] = struct{}{}
	if r.url != "" {
		if place, err = a.Ensure(r.url); err != nil {
			return 0, err
		}
	}
	for _, p := range []int64{it.place, place} {
		if p != 0 {
			a.stale(p)
		}
	}
	added := ratchet(unixMilli(it.Added), r.added)
	if _, err := a.Exec(sqlSetValue, it.n, r.kind, place, r.title, added, int64(at)*10, text0(r.extra)); err != nil {
		return 0, err
	}
	a.correctDate(it.n, r, added)
	return place, nil
}

// root gives a root the age and the unknown members that it has in the account.
// Its name is every browser's own matter.
func (a *applier) root(it *row, r *record) error {
	if r.stated > 0 {
		a.correctDate(it.n, r, unixMilli(it.Added))
	}
	_, err := a.Exec(sqlSetRoot, it.n, r.added, text0(r.extra))
	return err
}

// delete deletes items that the server has no longer.
func (a *applier) delete(guids []engine.ID) error {
	for _, guid := range guids {
		r, err := a.find(guid)
		if err != nil {
			return err
		}
		a.undo.remove(r)
		a.touched[guid] = struct{}{}
		if r.place != 0 {
			a.stale(r.place)
		}
	}
	_, err := a.Exec(sqlDelete, guidList(guids))
	return err
}

// finish settles what the transaction did.
func (a *applier) finish() error {
	if err := a.applyLabels(); err != nil {
		return err
	}
	for _, n := range a.corrections {
		if _, err := a.Exec(sqlMustGo, n); err != nil {
			return err
		}
	}
	if err := a.settle(); err != nil {
		return err
	}
	return a.undo.write(a.tx, a.start.Run)
}

// absorb makes what was staged the mirror, when all of it is applied.
func (a *applier) absorb() error {
	if err := a.finish(); err != nil {
		return err
	}
	if err := execAll(a.Tx, sqlMirrorGone, sqlMirrorPut, sqlDropStaged); err != nil {
		return err
	}
	return a.sendRevived()
}

// sendRevived forgets that the server has what it brought back, so that it goes up and
// is newer than its deletion.
func (a *applier) sendRevived() error {
	if len(a.revived) == 0 {
		return nil
	}
	_, err := a.Exec(sqlMirrorForget, guidList(slices.Collect(maps.Keys(a.revived))))
	return err
}

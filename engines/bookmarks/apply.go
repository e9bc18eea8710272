package bookmarks

import (
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
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
}

func newApplier(t *tx, s *session) *applier {
	return &applier{tx: t, keeper: newKeeper(), start: s.start, skew: s.skew(), touched: make(map[engine.ID]struct{})}
}

// insert adds an item as a record says it.
func (a *applier) insert(guid engine.ID, r *record, at engine.Timestamp, folder int64, position int, upload bool) (int64, error) {
	it := &row{parent: folder, extra: r.extra}
	it.Item = Item{GUID: guid, Kind: r.kind, Position: position, Title: r.title, URL: r.url,
		Added: instant(r.added), Modified: at.Time()}
	if upload {
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
			a.stale(p)
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
			a.stale(r.place)
		}
	}
	_, err := a.Exec(sqlDelete, guidList(guids))
	return err
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

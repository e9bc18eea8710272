package history

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
)

// tombstone applies a deletion by another device. A change here beats it, and
// the page goes up again.
func (c *chunk) tombstone(in *staged) error {
	if n, err := c.tx.Exec(sqlRemoveTombstone, in.id); err != nil {
		return err
	} else if n > 0 {
		c.merged.Reconciled++ // both sides deleted it
		return nil
	}
	r, err := c.tx.byGUID(in.id)
	if err != nil {
		return err
	}
	if r == nil || r.visits == 0 {
		c.merged.Reconciled++
		return nil
	}
	changed := r.changes > 0
	if !r.synced {
		// What the server had is not known, as after a Reset: the page was changed
		// since if it has changes that were not sent before, or was visited since; or if
		// it was on the server after the deletion, which came back with an earlier state.
		at := c.onOurClock(in.modified)
		changed = r.changes > 1 || r.lastVisit > at || r.edited*1000 > at || r.had && in.modified <= c.Past()
	}
	if !changed {
		c.merged.Applied++
		c.merged.NoteChanged(in.id)
		return c.tx.takeAway(r.id, c.Start.Run)
	}
	c.merged.Reconciled++
	r.synced, r.had, r.baseTitle, r.changes = false, false, nil, max(r.changes, 1)
	return c.tx.save(r, false, false)
}

// incoming merges a record with the page that has its GUID, and with the one
// that has its URL under another.
func (c *chunk) incoming(ctx context.Context, in *staged, rec *record) error {
	if storable, syncable := storable(rec.url); !storable || !syncable {
		c.skipped.pages++
		c.merged.Reconciled++
		return nil
	}
	if stands, err := c.deletionStands(in, rec); err != nil || stands {
		c.merged.Reconciled++
		return err
	}
	r, err := c.tx.byGUID(in.id)
	if err != nil {
		return err
	}
	revived, stands, err := c.revived(ctx, in, rec, r)
	if err != nil || stands {
		c.merged.Reconciled++
		return err
	}
	if r, err = c.sameURL(in, rec, r); err != nil {
		return err
	}
	visits := c.uncleared(rec.visits)
	if len(visits) == 0 && (r == nil || r.visits == 0) {
		if len(rec.visits) == 0 {
			c.skipped.pages++
		}
		c.merged.Reconciled++
		return nil
	}
	if r == nil {
		c.merged.Applied++
		c.merged.NoteChanged(in.id)
		return c.tx.insert(&row{guid: in.id, url: rec.url, title: rec.title, synced: true, changes: revived, unknown: rec.unknown}, visits)
	}
	return c.update(in, rec, visits, r)
}

// sameURL returns the page of a record's URL, under the record's GUID from now on, or nil.
// r is the page that has the GUID now, or nil.
func (c *chunk) sameURL(in *staged, rec *record, r *row) (*row, error) {
	if r != nil {
		if r.url == rec.url {
			return r, nil
		}
		// The account has another page under this GUID. The one here gets a new GUID, and
		// goes up as a new page.
		if err := c.rename(r); err != nil {
			return nil, err
		}
	}
	r, err := c.tx.byURL(rec.url)
	if err != nil || r == nil {
		return nil, err
	}
	if deleted, err := c.deleteFirst(in, r); err != nil {
		return nil, err
	} else if deleted {
		if r, err = c.tx.byURL(rec.url); err != nil || r == nil {
			return nil, err
		}
	}
	return r, c.fold(in, r)
}

// deleteFirst applies the deletion of a page that this sync brings as well, before its turn.
// Deleted and visited again on another device, the page has nothing to give to the one that
// took its place: that would look like an edit of it.
func (c *chunk) deleteFirst(before *staged, r *row) (deleted bool, err error) {
	in := staged{id: r.guid}
	err = c.tx.QueryRow(sqlStagedDeletion, r.guid, before.n).Scan(&in.n, &in.modified)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if c.early == nil {
		c.early = make(map[int64]bool)
	}
	c.early[in.n] = true
	for _, step := range []func() error{
		func() error { return c.NoteDeletions(c.tx.Tx.Tx, in.n-1, in.n) },
		func() error { return c.Read(c.tx.Tx.Tx, in.id) },
		func() error { return c.tombstone(&in) },
		func() error { return c.Unstage(c.tx.Tx.Tx, in.n-1, in.n) },
	} {
		if err := step(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// deletionStands reports whether the user's deletion of a page, which is not on
// the server yet, goes before the record: it is the one that was deleted, and not
// one that another device changed since.
func (c *chunk) deletionStands(in *staged, rec *record) (bool, error) {
	var deleted int64
	var seen engine.Timestamp
	err := c.tx.QueryRow(sqlTombstone, in.id).Scan(&deleted, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	stands := in.modified <= seen
	if sent, ok, err := c.tx.sent(in.id); err != nil {
		return false, err
	} else if ok && bytes.Equal(sent.payload, in.payload) {
		stands = true
	}
	for _, v := range rec.visits {
		stands = stands && v.date <= deleted
	}
	if !stands {
		_, err = c.tx.Exec(sqlRemoveTombstone, in.id)
	}
	return stands, err
}

// revived handles a record that came back with an earlier state of the server although its
// deletion was known. The deletion stands and goes up again. If the user wants what the
// account has, the record stays and counts as a change to send, as the other devices know
// the deletion too.
func (c *chunk) revived(ctx context.Context, in *staged, rec *record, r *row) (changes int, stands bool, err error) {
	if c.Since() != 0 || r != nil && r.visits > 0 {
		return 0, false, nil
	}
	_, deleted, err := c.DeletedLater(c.tx.Tx.Tx, in.id, in.modified)
	if err != nil || !deleted {
		return 0, false, err
	}
	if c.Start.Prefer == engine.PreferRemote {
		return 1, false, nil
	}
	if err := c.tx.addUndoRecord(c.Start.Run, in.id, rec); err != nil {
		return 0, false, err
	}
	return 0, true, c.tx.addTombstone(in.id, max(c.at, in.modified))
}

// rename gives a page a new GUID, because the account uses its own for another.
func (c *chunk) rename(r *row) error {
	guid, err := c.tx.NewGUID()
	if err != nil {
		return err
	}
	if _, err := c.tx.Exec(sqlSetGUID, r.id, guid, false); err != nil {
		return err
	}
	r.guid, r.synced, r.had, r.baseTitle = engine.ID(guid), false, false, nil
	if r.syncable && !r.hidden {
		r.changes = max(r.changes, 1)
	}
	return c.tx.save(r, false, false)
}

// fold gives a page the GUID that the account has for its URL. If the account
// has it under the old GUID too, a tombstone goes up for that one.
func (c *chunk) fold(in *staged, r *row) error {
	if r.synced || r.had {
		// Until it is there, the record may come again: whatever the server has had
		// up to now is what is deleted.
		if err := c.tx.addTombstone(r.guid, max(c.at, c.Since())); err != nil {
			return err
		}
		r.changes = max(r.changes, 1) // its visits are on the server under the old GUID alone
	}
	c.merged.NoteChanged(r.guid, in.id)
	if _, err := c.tx.Exec(sqlSetGUID, r.id, in.id, false); err != nil {
		return err
	}
	r.guid, r.synced, r.had, r.baseTitle = in.id, false, false, nil
	return nil
}

// uncleared are the visits of a record that were after the user cleared this device.
func (c *chunk) uncleared(visits []visit) []visit {
	if c.cleared == 0 {
		return visits
	}
	return slices.DeleteFunc(slices.Clone(visits), func(v visit) bool { return v.date <= c.cleared })
}

// update merges a record, of which these visits count, into the page that it is about.
func (c *chunk) update(in *staged, rec *record, visits []visit, r *row) error {
	visits, err := c.tx.wanted(r, visits)
	if err != nil {
		return err
	}
	added, err := c.tx.addVisits(r, visits)
	if err != nil {
		return err
	}
	if err := c.tx.noteUnknown(r.id, visits); err != nil {
		return err
	}
	title, err := c.title(in, rec, r)
	if err != nil {
		return err
	}
	complete, err := c.isComplete(rec, r, title)
	if err != nil {
		return err
	}
	retitled := title != r.title
	r.title = title
	if rec.unknown != nil {
		r.unknown = rec.unknown
	}
	r.synced, r.baseTitle = true, nil
	switch {
	case complete:
		r.changes = 0
	case title != rec.title && rec.title != "":
		r.changes, r.baseTitle = max(r.changes, 1), &rec.title
	case r.syncable && !r.hidden:
		r.changes = max(r.changes, 1)
	}
	if added > 0 || retitled {
		c.merged.Applied++
		c.merged.NoteChanged(in.id)
	} else {
		c.merged.Reconciled++
	}
	return c.tx.save(r, added > 0, retitled)
}

// wanted are the visits that the user did not delete.
func (t *tx) wanted(r *row, visits []visit) ([]visit, error) {
	dates, err := t.numbers(sqlVisitTombstones, r.id)
	if err != nil || len(dates) == 0 {
		return visits, err
	}
	return slices.DeleteFunc(slices.Clone(visits), func(v visit) bool {
		return slices.ContainsFunc(dates, func(date int64) bool { return date/1000 == v.date/1000 })
	}), nil
}

// title decides which of two titles the page has. An empty one does not count.
func (c *chunk) title(in *staged, rec *record, r *row) (string, error) {
	if !rec.hasTitle || rec.title == "" || rec.title == r.title {
		return r.title, nil
	}
	base, known, err := c.syncedTitle(in, r)
	switch {
	case err != nil:
		return "", err
	case known && base == rec.title:
		return r.title, nil
	case known && base == r.title, r.title == "":
		return rec.title, nil
	case !known && in.modified <= c.Past():
		return r.title, nil // seen before the server went back, or was emptied
	case c.oursWins(in, r):
		return r.title, nil
	}
	return rec.title, nil
}

// syncedTitle returns the title that both sides had last, and whether that is known.
func (c *chunk) syncedTitle(in *staged, r *row) (title string, known bool, err error) {
	sent, ok, err := c.tx.sent(r.guid)
	switch {
	case err != nil:
		return "", false, err
	case ok && bytes.Equal(sent.payload, in.payload):
		return sent.title, true, nil // our own record, whose receipt was lost
	case r.baseTitle != nil:
		return *r.baseTitle, r.synced, nil
	}
	return r.title, r.synced, nil
}

// oursWins reports whether the page's title here wins a conflict with the record's.
func (c *chunk) oursWins(in *staged, r *row) bool {
	switch c.Start.Prefer {
	case engine.PreferLocal:
		return true
	case engine.PreferRemote:
		return false
	}
	return r.edited*1000 > c.onOurClock(in.modified)
}

// isComplete reports whether the record says all that ours would. One that lacks a visit
// which the server had is from a device that never had it, after a deletion which did not
// get here. Visits are a set that only grows, or each device would have another one.
func (c *chunk) isComplete(rec *record, r *row, title string) (bool, error) {
	if title != rec.title {
		return false, nil
	}
	ours, err := c.tx.last(r.id, maxVisits)
	if err != nil {
		return false, err
	}
	has := make(map[key]struct{}, len(rec.visits))
	oldest := int64(0) // of those that a full record has room for
	for i := range rec.visits {
		has[rec.visits[i].key()] = struct{}{}
		if len(rec.visits) >= maxVisits && (oldest == 0 || rec.visits[i].date < oldest) {
			oldest = rec.visits[i].date
		}
	}
	for i := range ours {
		if _, ok := has[ours[i].key()]; !ok && ours[i].date >= oldest {
			return false, nil
		}
	}
	return true, nil
}

// sortedVisits are the visits, newest first, in a slice of their own.
func sortedVisits(visits []visit) []visit {
	sorted := slices.Clone(visits)
	slices.SortFunc(sorted, func(a, b visit) int {
		return cmp.Or(cmp.Compare(b.date, a.date), cmp.Compare(b.kind, a.kind))
	})
	return sorted
}

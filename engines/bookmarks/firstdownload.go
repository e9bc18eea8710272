package bookmarks

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
)

// A firstDownload brings the account's tree to a device that has nothing but the roots, if the
// records agree with each other: then there is nothing to merge. It walks down the lists of the
// folders, and has in memory which folders it has yet to open, and a batch of their items: the
// trees may be of any size. As with prefetch, what was inserted is in the mirror as well.
type firstDownload struct {
	*session
	generation int64
	// folders are the ones that were inserted and not opened yet.
	folders []inserted
	// next are children of opened folders, in order.
	next []arriving
	// done counts the items that were inserted, of so many; staged counts all records that were.
	done, items, staged int
}

// inserted is a folder: its row, and the one of its record among those that were staged.
type inserted struct{ row, record int64 }

// arriving is an item to insert, with its place in the row of its folder.
type arriving struct {
	guid     engine.ID
	folder   int64
	position int32
}

// tryFirstDownload applies what was staged if that needs no merge. It fails with errEntangled if
// it does, or if the user edits the tree meanwhile: what is still staged is to be merged then.
func (s *session) tryFirstDownload(ctx context.Context) error {
	d := &firstDownload{session: s}
	if err := s.e.view(ctx, d.begin); err != nil {
		return err
	}
	err := d.insertAll(ctx)
	if !errors.Is(err, errEntangled) {
		return err
	}
	failed := s.e.merge(ctx, func(t *tx) error {
		_, err := t.Exec(sqlUnstageMirrored)
		return err
	})
	return cmp.Or(failed, err)
}

// begin finds out whether this is such a download, and opens the roots.
func (d *firstDownload) begin(t *tx) error {
	m, err := t.meta()
	if err != nil {
		return err
	}
	d.generation = m.generation
	var there, here bool
	if err := t.QueryRow(sqlAnyThere).Scan(&there); err != nil {
		return err
	}
	if err := t.QueryRow(sqlAnyHere).Scan(&here); err != nil {
		return err
	}
	if there || here || d.Since() != 0 || len(d.revived) > 0 {
		return errEntangled
	}
	if err := t.QueryRow(sqlCountAllStaged).Scan(&d.staged); err != nil {
		return err
	}
	agreement := d.agreement
	if agreement.came() != d.staged { // some came twice, as after an answer that broke off
		if agreement, err = t.agreementOfStaged(); err != nil {
			return err
		}
	}
	if !agreement.holds() {
		return errEntangled
	}
	d.items = agreement.records
	for _, root := range roots {
		f := inserted{}
		if err := t.QueryRow(sqlRowOf, root).Scan(&f.row); err != nil {
			return err
		}
		err := t.QueryRow(sqlStagedRow, root).Scan(&f.record)
		if err == nil {
			d.folders = append(d.folders, f)
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}

// insertAll inserts all items, some in each transaction.
func (d *firstDownload) insertAll(ctx context.Context) error {
	for more := true; more; {
		err := d.e.merge(ctx, func(t *tx) (err error) {
			if err := d.unedited(t); err != nil {
				return err
			}
			if more, err = d.insertSome(t); err == nil && !more {
				err = d.finish(t)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unedited fails with errEntangled if the user edited the tree.
func (d *firstDownload) unedited(t *tx) error {
	m, err := t.meta()
	if err == nil && m.generation != d.generation {
		err = errEntangled
	}
	return err
}

// insertSome inserts the next items, a folder before what is in it, and reports whether there
// may be more.
func (d *firstDownload) insertSome(t *tx) (more bool, err error) {
	a := newApplier(t, d.session)
	var guids []engine.ID
	for len(guids) < d.e.atOnce {
		b := &batch{applier: a}
		if err := d.read(b, d.e.atOnce-len(guids)); err != nil {
			return false, err
		}
		if len(b.chosen) == 0 {
			break
		}
		if err := b.write(); err != nil {
			return false, err
		}
		for _, r := range b.chosen {
			guids = append(guids, r.guid)
		}
	}
	if len(guids) == 0 {
		return false, nil
	}
	d.done += len(guids)
	d.Result.Applied += len(guids)
	d.Result.NoteChanged(guids...)
	return true, a.absorbSome(guids)
}

// read reads the records of the next items, at most max, and gives them their rows.
func (d *firstDownload) read(b *batch, max int) error {
	if err := d.open(b.tx, max); err != nil {
		return err
	}
	next := d.next[:min(max, len(d.next))]
	guids := make([]engine.ID, len(next))
	for i := range next {
		guids[i] = next[i].guid
	}
	last, err := b.lastRow()
	if err != nil {
		return err
	}
	rows, err := b.Query(sqlArriving, guidList(guids))
	if err != nil {
		return err
	}
	defer rows.Close()
	for bytes := 0; bytes < maxBatch && rows.Next(); {
		var i int
		var record int64
		var payload []byte
		in := &newItem{}
		if err := rows.Scan(&i, &record, &payload, &in.at); err != nil {
			return err
		}
		if i > len(b.chosen) {
			return errEntangled // one of them did not come
		}
		if in.record, err = parseRecord(guids[i], payload, in.at); err != nil {
			return err
		}
		bytes += len(payload)
		last++
		in.n, in.folder, in.position = last, next[i].folder, next[i].position
		b.chosen = append(b.chosen, in)
		if in.kind == Folder {
			d.folders = append(d.folders, inserted{in.n, record})
		}
	}
	d.next = d.next[len(b.chosen):]
	return rows.Err()
}

// open opens folders until so many children are known, if there are.
func (d *firstDownload) open(t *tx, children int) error {
	opened := 0
	for ; opened < len(d.folders) && len(d.next) < children; opened++ {
		f := d.folders[opened]
		var payload []byte
		if err := t.QueryRow(sqlStagedList, f.record).Scan(&payload); err != nil {
			return err
		}
		for i, guid := range listOf(payload) {
			d.next = append(d.next, arriving{guid, f.row, int32(i)})
		}
	}
	d.folders = d.folders[opened:]
	return nil
}

// finish gives the roots what the account has of them, and drops what was staged.
func (d *firstDownload) finish(t *tx) error {
	if d.done != d.items {
		return errEntangled // folders that are within each other are still staged
	}
	a := newApplier(t, d.session)
	for _, guid := range roots {
		it, err := t.find(guid)
		if err != nil {
			return err
		}
		r, _, err := t.incoming(guid)
		if errors.Is(err, sql.ErrNoRows) {
			a.corrections = append(a.corrections, it.n) // the account lacks it
			continue
		}
		if err == nil {
			err = a.root(it, &r)
		}
		if err != nil {
			return err
		}
	}
	if err := a.absorbSome(roots[:]); err != nil {
		return err
	}
	d.Result.Reconciled += d.staged - d.done
	_, err := t.Exec(sqlClearStaged)
	return err
}

const (
	// Something is here besides the five roots, or waits to go up.
	sqlAnyHere = `SELECT 5 <> (SELECT count(*) FROM (SELECT 1 FROM bookmarks WHERE n > 0 LIMIT 6))
		OR EXISTS (SELECT 1 FROM bookmarks WHERE changes > 0 AND n > 0)`
	sqlCountAllStaged = `SELECT count(*) FROM bookmark_staged`
	sqlStagedRow      = `SELECT n FROM bookmark_staged WHERE id = ?1 AND payload IS NOT NULL`
	sqlStagedList     = `SELECT payload FROM bookmark_staged WHERE n = ?1`
	sqlArriving       = `SELECT j.key, s.n, s.payload, s.modified FROM json_each(?1) AS j CROSS JOIN bookmark_staged AS s ON s.id = j.value WHERE s.payload IS NOT NULL`
	// Without a condition SQLite frees the pages without looking at rows.
	sqlClearStaged     = `DELETE FROM bookmark_staged`
	sqlUnstageMirrored = `DELETE FROM bookmark_staged WHERE n > 0 AND payload IS NOT NULL AND EXISTS (SELECT 1 FROM bookmark_mirror m WHERE m.guid = bookmark_staged.id)`
)

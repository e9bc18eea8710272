package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

const (
	// keptVisits is how many visits Maintain keeps.
	keptVisits = 1_000_000
	// prunedVisits bounds the visits that one Prune deletes.
	prunedVisits = 50_000
)

// Maintain prunes the visits beyond the newest 1,000,000, see [Engine.Prune], gives the disk
// back what the file does not use, where that is worth it, and returns how many bytes that is.
// It also keeps searches fast. It needs room for a copy of the file, and edits wait meanwhile.
// Call it once a day or less often. If bookmarks are in the same file, it serves both.
func (e *Engine) Maintain(ctx context.Context) (freed int64, err error) {
	if _, err := e.Prune(ctx, keptVisits); err != nil {
		return 0, err
	}
	return e.db.Maintain(ctx)
}

// Prune deletes the oldest visits on this device alone, so that the newest keep of them stay,
// and the pages that have no other visit. It deletes 50,000 at most: call it again until it
// deletes none. Pages that have something to send stay as they are, and so do pages
// of which visits were deleted, because the server may have these; bookmarks stay. The server
// and other devices keep what they have, and a sync may bring a page back that another device
// visits again.
func (e *Engine) Prune(ctx context.Context, keep int) (gone Deleted, err error) {
	var newest int64
	err = e.view(ctx, func(tx *tx) error {
		err := tx.QueryRow(sqlNewestKept, max(keep, 1)-1).Scan(&newest)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if keep <= 0 {
		newest++ // that one too
	}
	for from, n := int64(0), e.chunk; err == nil && n == e.chunk && gone.Visits < prunedVisits; {
		var some Deleted
		err = e.change(ctx, true, func(tx *tx) (err error) {
			some, from, n, err = tx.prune(from, newest, e.chunk)
			return err
		})
		if err == nil {
			gone.Pages, gone.Visits = gone.Pages+some.Pages, gone.Visits+some.Visits
		}
	}
	if err != nil {
		return gone, fmt.Errorf("cannot prune the history, %d visits are gone: %w", gone.Visits, err)
	}
	return gone, nil
}

// prune deletes the oldest visits in a time, about limit of them. It returns the date of the
// last, from which the next call goes on, and how many it found.
func (t *tx) prune(from, to int64, limit int) (gone Deleted, last int64, n int, err error) {
	rows, err := t.Query(sqlPrunable, from, to, limit)
	if err != nil {
		return gone, from, 0, err
	}
	defer rows.Close()
	var pages []int64
	seen := make(map[int64]bool)
	for last = from; rows.Next(); n++ {
		var place int64
		if err := rows.Scan(&place, &last); err != nil {
			return gone, from, 0, err
		}
		if !seen[place] {
			seen[place] = true
			pages = append(pages, place)
		}
	}
	if err := rows.Err(); err != nil {
		return gone, from, 0, err
	}
	for _, id := range pages {
		d, err := t.prunePage(id, last+1)
		if err != nil {
			return gone, from, 0, err
		}
		gone.Pages, gone.Visits = gone.Pages+d.Pages, gone.Visits+d.Visits
	}
	return gone, last, n, nil
}

// prunePage deletes the visits of a page before a time, and the page with the last.
func (t *tx) prunePage(id, before int64) (d Deleted, err error) {
	r, err := t.byID(id)
	if err != nil {
		return d, err
	}
	n, err := t.Exec(sqlDropRange, id, 0, before)
	if err != nil {
		return d, err
	}
	d.Visits = int(n)
	if d.Visits == r.visits {
		d.Pages = 1
		return d, t.drop(r)
	}
	var shown, sent int
	if err := t.QueryRow(sqlTally, id).Scan(&r.visits, &r.lastVisit, &r.typed, &shown, &sent); err != nil {
		return d, err
	}
	return d, t.save(r, true, false)
}

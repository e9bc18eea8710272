package bookmarks

import (
	"context"
	"math"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// snapshot writes what goes up. It reads one state of the tree throughout, so
// that a folder's list names no child that does not go up with it. The app's edits do not
// wait for it.
func (s *session) snapshot(ctx context.Context) error {
	if err := s.e.ledger.DropOutgoing(ctx); err != nil {
		return err
	}
	err := s.e.db.Update(ctx, func(t *places.Tx) error {
		now := t.Now().UnixMilli() + s.skew()
		_, err := t.Exec(sqlAddedAhead, now, now+ahead-slack)
		return err
	})
	if err != nil {
		return err
	}
	return s.e.view(ctx, func(t *tx) error {
		if err := t.excludeOversized(s.Start.MaxPayload); err != nil {
			return err
		}
		w := &snapshot{session: s, titles: make(map[int64]string)}
		for _, gather := range []func(context.Context, *tx) error{w.items, w.tombstones} {
			if err := gather(ctx, t); err != nil {
				return err
			}
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
		if len(w.same) == 0 {
			return nil
		}
		return s.e.db.Update(ctx, func(t *places.Tx) error {
			return t.Each(sqlSettleSame, len(w.same), func(i int) []any { return w.same[i] })
		})
	})
}

// sendColumns is how many columns sqlSend has.
const sendColumns = 6

// snapshot is what one snapshot gathers, to write it a chunk at a time.
type snapshot struct {
	*session
	titles map[int64]string // of folders
	chunk  []any            // arguments of sqlSend, sendColumns for each record
	same   [][]any          // arguments of sqlSettleSame: changed items that the server has as they are here
}

// items gathers the items that changed.
func (w *snapshot) items(ctx context.Context, t *tx) error {
	rows, err := t.Query(sqlGoing)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var frecency int64
		var mirrored bool
		r, err := scanRow(func(into ...any) error { return rows.Scan(append(into, &frecency, &mirrored)...) })
		if err != nil {
			return err
		}
		if t.heldBack[r.ID] {
			continue
		}
		if err := w.item(ctx, t, r, frecency, mirrored); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (w *snapshot) item(ctx context.Context, t *tx, r *row, frecency int64, mirrored bool) error {
	if mirrored {
		is, partial, err := t.isThere(r)
		if err != nil {
			return err
		}
		if is {
			if !partial { // else it waits for what it lacks
				w.same = append(w.same, []any{r.n, r.changes})
			}
			return nil
		}
	}
	o, err := t.record(r, w.titles)
	if err != nil {
		return err
	}
	changes := r.changes
	if o.partial {
		changes-- // one stays, so that the whole list goes up when it can
	}
	index := o.sortIndex(score(frecency, t.now/1000))
	if w.chunk = append(w.chunk, r.ID, r.Parent, r.Kind, o.append(nil), changes, index); len(w.chunk) < chunkSize*sendColumns {
		return nil
	}
	return w.flush(ctx)
}

// tombstones gathers the items that were deleted.
func (w *snapshot) tombstones(_ context.Context, t *tx) error {
	rows, err := t.Query(sqlGoingGone)
	if err != nil {
		return err
	}
	guids, err := scanAll[engine.ID](rows)
	for _, guid := range guids {
		w.chunk = append(w.chunk, guid, "", 0, nil, 0, 0)
	}
	return err
}

// flush writes the chunk.
func (w *snapshot) flush(ctx context.Context) error {
	if len(w.chunk) == 0 {
		return nil
	}
	err := w.e.db.Update(ctx, func(t *places.Tx) error { return t.InsertMany(sqlSend, sendColumns, w.chunk) })
	w.Result.Outgoing += len(w.chunk) / sendColumns
	w.chunk = w.chunk[:0]
	return err
}

// isThere reports whether the server has an item as it is here, although it was
// changed: back and forth, or deleted and restored from a backup. partial is as in list.
func (t *tx) isThere(r *row) (is, partial bool, err error) {
	there, ok, err := t.mirrored(r.ID)
	if err != nil || !ok {
		return false, false, err
	}
	var unreadable bool
	if err := t.QueryRow(sqlUnreadable, r.ID).Scan(&unreadable); err != nil || unreadable {
		return false, false, err
	}
	if there.rewritten || there.parent != r.Parent || there.datesBack(unixMilli(r.Added)) || !IsRoot(r.ID) && !sameValue(recordOf(r), &there) {
		return false, false, nil
	}
	if r.Kind != Folder {
		return true, false, nil
	}
	children, partial, err := t.list(r)
	return slices.Equal(children, there.children), partial, err
}

// record is an item's record.
func (t *tx) record(r *row, titles map[int64]string) (o outgoing, err error) {
	o = outgoing{Item: r.Item, extra: r.extra}
	if r.Parent != Root {
		title, ok := titles[r.parent]
		if !ok {
			if err := t.QueryRow(sqlTitle, r.parent).Scan(&title); err != nil {
				return o, err
			}
			titles[r.parent] = title
		}
		o.parentTitle = title
	}
	if r.Kind == Folder {
		if o.children, o.partial, err = t.list(r); err != nil {
			return o, err
		}
	}
	return o, err
}

// score is what a page is worth at a time, in points that halve every 30 days.
// frecency is the moment at which it will be one point; see package places.
func score(frecency, now int64) int {
	const halfLife = 30 * 24 * 60 * 60
	if frecency == 0 {
		return 0
	}
	return int(math.Ceil(math.Exp2(min(float64(frecency-now)/halfLife, 29))))
}

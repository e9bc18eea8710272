package bookmarks

import (
	"context"
	"math"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// snapshot writes what goes up. It reads one state of the tree throughout, so
// that a folder's list names no child that does not go up with it; nobody waits for
// that.
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
		var chunk [][]any
		flush := func() error {
			err := s.e.db.Update(ctx, func(w *places.Tx) error {
				return w.Each(sqlSend, len(chunk), func(i int) []any { return chunk[i] })
			})
			s.Result.Outgoing += len(chunk)
			chunk = chunk[:0]
			return err
		}
		if err := t.holdBack(s.Start.MaxPayload); err != nil {
			return err
		}
		var same [][]any
		titles := make(map[int64]string)
		rows, err := t.Query(sqlGoing)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scanRow(rows.Scan)
			if err != nil {
				return err
			}
			if t.heldBack[r.GUID] {
				continue
			}
			is, partial, err := t.isThere(r)
			if err != nil {
				return err
			}
			if is {
				if !partial { // else it waits for what it lacks
					same = append(same, []any{r.n, r.changes})
				}
				continue
			}
			args, err := t.outgoing(r, titles)
			if err != nil {
				return err
			}
			if chunk = append(chunk, args); len(chunk) == chunkSize {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		gone, err := t.Query(sqlGoingGone)
		if err != nil {
			return err
		}
		guids, err := scanAll[engine.ID](gone)
		if err != nil {
			return err
		}
		for _, guid := range guids {
			chunk = append(chunk, []any{guid, "", 0, nil, 0, 0})
		}
		if len(same) > 0 {
			err := s.e.db.Update(ctx, func(w *places.Tx) error {
				return w.Each(sqlSettleSame, len(same), func(i int) []any { return same[i] })
			})
			if err != nil {
				return err
			}
		}
		if len(chunk) == 0 {
			return nil
		}
		return flush()
	})
}

// isThere reports whether the server has an item as it is here, although it was
// changed: back and forth, or deleted and restored from a backup. partial is as in list.
func (t *tx) isThere(r *row) (is, partial bool, err error) {
	there, ok, err := t.mirrored(r.GUID)
	if err != nil || !ok {
		return false, false, err
	}
	var unreadable bool
	if err := t.QueryRow(sqlUnreadable, r.GUID).Scan(&unreadable); err != nil || unreadable {
		return false, false, err
	}
	if there.rewritten || there.parent != r.Parent || there.datesBack(unixMilli(r.Added)) || !IsRoot(r.GUID) && !sameValue(recordOf(r), &there) {
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

// outgoing are the arguments of sqlSend. titles remembers those of folders.
func (t *tx) outgoing(r *row, titles map[int64]string) ([]any, error) {
	o, err := t.record(r, titles)
	if err != nil {
		return nil, err
	}
	changes := r.changes
	if o.partial {
		changes-- // one stays, so that the whole list goes up when it can
	}
	frecency := 0
	if r.place != 0 {
		p, _, err := t.Get(r.place)
		if err != nil {
			return nil, err
		}
		frecency = score(p.Frecency, t.now/1000)
	}
	return []any{r.GUID, r.Parent, r.Kind, o.append(nil), changes, o.sortIndex(frecency)}, nil
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

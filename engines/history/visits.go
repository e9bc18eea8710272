package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// PageVisit is a visit with its page.
type PageVisit struct {
	ID    engine.ID `json:"id"`
	URL   string    `json:"histUri"`
	Title string    `json:"title"`
	// Hidden tells of the page; see [Page].
	Hidden bool `json:"hidden,omitempty"`
	// PreviewImage is the page's; see [Page].
	PreviewImage string `json:"previewImage,omitempty"`
	// What follows is the visit's; see [Visit].
	At         time.Time  `json:"at"`
	Type       Transition `json:"type"`
	Referrer   string     `json:"referrer,omitempty"`
	Redirected bool       `json:"redirected,omitempty"`
	Failed     bool       `json:"failed,omitempty"`
	Remote     bool       `json:"remote,omitempty"`
}

// Visits says which visits are asked for.
type Visits struct {
	Between
	// Except are the transitions that are left out.
	Except []Transition
	// OnlyLocal leaves out visits that came with a sync; see [Visit.Remote].
	OnlyLocal bool
	// After is a visit that was listed: what follows it is asked for. Nil: from the
	// newest on.
	After *PageVisit
}

// except is a bit for each transition that is left out.
func (v Visits) except() (bits int64) {
	for _, kind := range v.Except {
		if places.Transition(kind).Valid() {
			bits |= 1 << kind
		}
	}
	return bits
}

// flags are those that a visit must not have.
func (v Visits) flags() places.Flags {
	if v.OnlyLocal {
		return places.Remote
	}
	return 0
}

// position is a visit's in the order in which visits are listed.
type position struct{ date, place, kind int64 }

// ListVisits yields visits, the newest first, those of hidden pages included. It holds 256
// of them at a time, and edits may go on meanwhile. To go on later, give the last one as
// [Visits.After].
func (e *Engine) ListVisits(ctx context.Context, which Visits) iter.Seq2[PageVisit, error] {
	return func(yield func(PageVisit, error) bool) {
		from, to := which.micros()
		at, err := e.start(ctx, which.After, to)
		if err != nil {
			yield(PageVisit{}, fmt.Errorf("cannot list the visits: %w", err))
			return
		}
		for {
			page, err := e.visitsPage(ctx, &at, from, which)
			if err != nil {
				yield(PageVisit{}, fmt.Errorf("cannot list the visits: %w", err))
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

// start returns the position from which visits before a time are listed: after, if that is
// before the time.
func (e *Engine) start(ctx context.Context, after *PageVisit, to int64) (position, error) {
	newest := position{to, math.MinInt64, 0}
	if after == nil {
		return newest, nil
	}
	at, err := e.position(ctx, after)
	if err == nil && at.date >= to {
		at = newest
	}
	return at, err
}

func (e *Engine) position(ctx context.Context, v *PageVisit) (at position, err error) {
	at = position{date: v.At.UnixMicro(), kind: int64(v.Type)}
	err = e.view(ctx, func(tx *tx) error {
		r, err := tx.byGUID(v.ID)
		if r != nil {
			at.place = r.id
		}
		return err
	})
	return at, err
}

func (e *Engine) visitsPage(ctx context.Context, at *position, from int64, which Visits) (page []PageVisit, err error) {
	err = e.view(ctx, func(tx *tx) error {
		rows, err := tx.Query(sqlVisitsBetween, at.date, at.place, at.kind, from, which.except(), int(which.flags()), listPage)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var v PageVisit
			var one visit
			if err := rows.Scan(&at.date, &at.place, &at.kind, &one.flags, &v.ID, &v.URL, &v.Title, &v.Hidden, &v.PreviewImage, &one.referrer); err != nil {
				return err
			}
			one.date, one.kind = at.date, int(at.kind)
			how := one.public()
			v.At, v.Type, v.Referrer = how.At, how.Type, how.Referrer
			v.Redirected, v.Failed, v.Remote = how.Redirected, how.Failed, how.Remote
			page = append(page, v)
		}
		return rows.Err()
	})
	return page, err
}

// CountVisits counts visits; see [Engine.ListVisits].
func (e *Engine) CountVisits(ctx context.Context, which Visits) (int, error) {
	from, to := which.micros()
	return e.count(ctx, sqlCountVisits, from, to, which.except(), int(which.flags()))
}

// CountVisitsOfHost counts the visits of all pages of a host ("example.org") and of its
// subdomains, on any port. The error wraps [ErrHost] if host is not the name of a host.
func (e *Engine) CountVisitsOfHost(ctx context.Context, host string, which Visits) (int, error) {
	if !isHost(host) {
		return 0, fmt.Errorf("%w: %.70q", ErrHost, host)
	}
	from, to := which.micros()
	first, last := places.HostRange(host)
	return e.count(ctx, sqlCountVisitsOfHost, first, last, from, to, which.except(), int(which.flags()))
}

func (e *Engine) count(ctx context.Context, query string, args ...any) (int, error) {
	n, err := e.number(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("cannot count the visits: %w", err)
	}
	return int(n), nil
}

// DeleteVisit deletes the visit of a page at that very time, and the page if it has no other:
// see [Engine.DeleteBetween]. The error is [engine.ErrNotFound] if there is none.
func (e *Engine) DeleteVisit(ctx context.Context, url string, at time.Time) error {
	err := e.edit(ctx, func(tx *tx) error {
		r, err := tx.askedFor(url)
		if err != nil {
			return err
		}
		if r == nil {
			return errNotFound
		}
		date := at.UnixMicro()
		d, err := tx.removeBetween(r, date, date+1)
		if err == nil && d.Visits == 0 {
			return errNotFound // and nothing was done
		}
		if err == nil {
			_, err = tx.Exec(sqlDropUndoItemsOfPage, places.RevHost(r.url), r.url)
		}
		return err
	})
	if err != nil && !errors.Is(err, errNotFound) {
		err = fmt.Errorf("cannot delete a visit: %w", err)
	}
	return err
}

// Visited tells of each URL whether its page was visited.
func (e *Engine) Visited(ctx context.Context, urls []string) ([]bool, error) {
	visited := make([]bool, len(urls))
	err := e.view(ctx, func(tx *tx) error {
		for i, url := range urls {
			r, err := tx.askedFor(url)
			if err != nil {
				return err
			}
			visited[i] = r != nil && r.visits > 0
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot look for visited pages: %w", err)
	}
	return visited, nil
}

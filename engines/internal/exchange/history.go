package exchange

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/internal/skips"
	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

// maxPageVisits bounds the visits of one page in memory. A page with more
// is yielded more than once.
const maxPageVisits = 100_000

// The CROSS JOIN sets the order in which the tables are read, so that pages need not be sorted
// first.
const sqlHistory = `SELECT CAST(h.id AS INTEGER), CAST(coalesce(h.url, '') AS TEXT), CAST(coalesce(h.title, '') AS TEXT),
		coalesce(h.hidden, 0) <> 0, coalesce(h.typed, 0) <> 0,
		CAST(coalesce(v.visit_date, 0) AS INTEGER), CAST(coalesce(v.visit_type, 0) AS INTEGER)
	FROM moz_places h CROSS JOIN moz_historyvisits v ON v.place_id = h.id
	ORDER BY h.id, v.visit_date`

// readHistory yields the visited pages in the order in which Firefox first stored
// them.
func readHistory(ctx context.Context, db *sqlitecopy.Copy, now time.Time, skips *Skips, yield func(Page, error) bool) error {
	w := &pageWalk{now: now.UTC().Truncate(time.Microsecond), skips: skips, yield: yield}
	for rows, err := range db.Rows(ctx, sqlHistory) {
		if err != nil {
			return err
		}
		if err := w.visit(rows); err != nil {
			return err
		}
		if w.stopped {
			return nil
		}
	}
	w.flush()
	return nil
}

// pageWalk gathers the visits of a page until the next page comes.
type pageWalk struct {
	now     time.Time
	skips   *Skips
	yield   func(Page, error) bool
	page    Page
	place   int64
	bad     int // visits of the page that were left out
	stopped bool
}

func (w *pageWalk) visit(rows *sql.Rows) error {
	var p Page
	var place, date, transition int64
	if err := rows.Scan(&place, &p.URL, &p.Title, &p.Hidden, &p.Typed, &date, &transition); err != nil {
		return err
	}
	if place != w.place {
		w.flush()
		w.place, w.page = place, p
	} else if len(w.page.Visits) >= maxPageVisits {
		w.flush()
		w.page = p
	}
	v := Visit{Date: fromMicro(date), Transition: int(transition)}
	if v.Date.After(w.now) {
		v.Date = w.now
	}
	if v.Date.IsZero() || transition < 1 || transition > 9 {
		w.bad++
		return nil
	}
	w.page.Visits = append(w.page.Visits, v)
	return nil
}

// flush yields the page that is complete.
func (w *pageWalk) flush() {
	p, bad := w.page, w.bad
	w.page, w.bad = Page{}, 0
	if bad > 0 {
		w.skip(p, fmt.Sprintf("visits whose date or kind makes no sense were left out: %d", bad))
	}
	if w.stopped || len(p.Visits) == 0 {
		return
	}
	url, err := cleanURL(p.URL)
	if err != nil {
		w.skip(p, err.Error())
		return
	}
	p.URL = url
	p.Title, _ = text(p.Title, MaxTitle)
	w.stopped = !w.yield(p, nil)
}

func (w *pageWalk) skip(p Page, reason string) {
	name := p.URL
	if name == "" {
		name = p.Title
	}
	w.skips.Add(Skip{Item: skips.Shorten(name), Reason: reason})
}

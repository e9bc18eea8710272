package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
)

// UseKind says what a page is, as far as an app can tell.
type UseKind int

// The kinds.
const (
	UseRegular UseKind = iota
	UseMedia           // a video or a sound that was played
)

// Use is how a page was used for a while: what led there, and how long it was looked at. It
// stays on this device, and goes with the page.
type Use struct {
	URL   string `json:"histUri"`
	Title string `json:"title"`
	// SearchTerm is what was searched for that led to the page; "": nothing.
	SearchTerm string `json:"searchTerm,omitempty"`
	// Referrer is the URL of the page that led there; "": none.
	Referrer string  `json:"referrer,omitempty"`
	Kind     UseKind `json:"kind,omitempty"`
	// From and To are the first and the last time that it was noted.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Viewed is how long the page was in front, to the millisecond.
	Viewed time.Duration `json:"viewedNs"`
}

const (
	// oneUse is how long after its last note a use goes on.
	oneUse = 30 * time.Minute
	// maxUses is how many uses are kept: the oldest go first.
	maxUses = 50_000
	// maxSearchTerm bounds a search term, in bytes.
	maxSearchTerm = 500
	// maxViewed bounds what one note says was viewed.
	maxViewed = 24 * time.Hour
)

// NoteUse notes how a page is used, as often as an app likes: u.Viewed is added to the use that
// goes on, the one with the same page, search term and referrer that was noted less than half
// an hour ago, or begins another. From, To and Title are not read. The page must have been
// visited or bookmarked: else the error is [engine.ErrNotFound]. A referrer that is not a page
// of the history is left out.
func (e *Engine) NoteUse(ctx context.Context, u Use) error {
	u.SearchTerm = clean(u.SearchTerm)
	if err := u.check(); err != nil {
		return fmt.Errorf("cannot note a page's use: %w", err)
	}
	err := e.update(ctx, func(tx *tx) error {
		r, err := tx.askedFor(u.URL)
		if err != nil {
			return err
		}
		if r == nil {
			return errNotFound
		}
		referrer, err := tx.referrer(u.Referrer)
		if err != nil {
			return err
		}
		now := tx.Now().UnixMilli()
		n, err := tx.Exec(sqlGoOnWithUse, r.id, u.SearchTerm, referrer, int(u.Kind), now, u.Viewed.Milliseconds(), now-oneUse.Milliseconds())
		if err == nil && n == 0 {
			return tx.addUse(maxUses, r.id, u.SearchTerm, referrer, int(u.Kind), now, u.Viewed.Milliseconds())
		}
		return err
	})
	if err != nil && !errors.Is(err, errNotFound) {
		err = fmt.Errorf("cannot note a page's use: %w", err)
	}
	return err
}

// check refuses a use that cannot be noted.
func (u *Use) check() error {
	switch {
	case u.Kind < UseRegular || u.Kind > UseMedia:
		return invalid("there is no kind %d of a page", u.Kind)
	case u.Viewed < 0 || u.Viewed > maxViewed:
		return invalid("a page is viewed from 0 to %v at a time, not %v", maxViewed, u.Viewed)
	case len(u.SearchTerm) > maxSearchTerm:
		return invalid("the search term has %d bytes, and the most is %d", len(u.SearchTerm), maxSearchTerm)
	}
	return nil
}

// referrer returns the row of a page by its URL, or nil for one that is not in the history.
func (t *tx) referrer(url string) (id any, err error) {
	if url == "" {
		return nil, nil
	}
	r, err := t.askedFor(url)
	if err != nil || r == nil {
		return nil, err
	}
	return r.id, nil
}

// addUse adds a row, and keeps the newest of them.
func (t *tx) addUse(keep int, row ...any) error {
	if _, err := t.Exec(sqlAddUse, row...); err != nil {
		return err
	}
	_, err := t.Exec(sqlPruneUses, keep)
	return err
}

// LastUse returns the last use of the page with that URL, or [engine.ErrNotFound].
func (e *Engine) LastUse(ctx context.Context, url string) (u Use, err error) {
	err = e.view(ctx, func(tx *tx) error {
		r, err := tx.askedFor(url)
		if err != nil {
			return err
		}
		if r == nil {
			return errNotFound
		}
		u, _, err = scanUse(tx.QueryRow(sqlLastUse, r.id).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return errNotFound
		}
		return err
	})
	if err != nil && !errors.Is(err, errNotFound) {
		err = fmt.Errorf("cannot look up a page's use: %w", err)
	}
	return u, err
}

// Uses yields the uses that were last noted in the time, the last first. It holds a page of
// them at a time, and edits may go on meanwhile.
func (e *Engine) Uses(ctx context.Context, when Between) iter.Seq2[Use, error] {
	return func(yield func(Use, error) bool) {
		from, to := int64(0), int64(math.MaxInt64)
		if !when.From.IsZero() {
			from = when.From.UnixMilli()
		}
		if !when.To.IsZero() {
			to = when.To.UnixMilli()
		}
		before, below := to, int64(math.MinInt64)
		for {
			n := 0
			page, err := e.usesPage(ctx, before, &below, from)
			if err != nil {
				yield(Use{}, fmt.Errorf("cannot list how pages were used: %w", err))
				return
			}
			for _, u := range page {
				if n++; !yield(u, nil) {
					return
				}
				before = u.To.UnixMilli()
			}
			if n < listPage {
				return
			}
		}
	}
}

func (e *Engine) usesPage(ctx context.Context, before int64, below *int64, from int64) (page []Use, err error) {
	err = e.view(ctx, func(tx *tx) error {
		rows, err := tx.Query(sqlUses, before, *below, from, listPage)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			u, id, err := scanUse(rows.Scan)
			if err != nil {
				return err
			}
			page, *below = append(page, u), id
		}
		return rows.Err()
	})
	return page, err
}

func scanUse(scan func(...any) error) (u Use, id int64, err error) {
	var from, to, viewed int64
	err = scan(&id, &u.URL, &u.Title, &u.SearchTerm, &u.Referrer, &u.Kind, &from, &to, &viewed)
	u.From, u.To, u.Viewed = time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC(), time.Duration(viewed)*time.Millisecond
	return u, id, err
}

// Highlight is a page that was used much.
type Highlight struct {
	Page
	// Viewed is how long the page was in front in all, and Uses in how many uses.
	Viewed time.Duration `json:"viewedNs"`
	Uses   int           `json:"uses"`
	// Score is from 0 to 1: the page's share of the time of all, and of the uses of all.
	Score float64 `json:"score"`
}

// Highlights returns the pages that were used most since a time, limit of them at most, without
// their visits. byTime, from 0 to 1, is how much the time counts for which a page was viewed; the
// rest is how often it was. It looks at the last 10,000 uses.
func (e *Engine) Highlights(ctx context.Context, since time.Time, byTime float64, limit int) (best []Highlight, err error) {
	if !(byTime >= 0 && byTime <= 1) {
		return nil, fmt.Errorf("cannot find highlights: %w", invalid("the weight of the time is from 0 to 1, not %g", byTime))
	}
	from := int64(0)
	if !since.IsZero() {
		from = since.UnixMilli()
	}
	err = e.view(ctx, func(tx *tx) error {
		rows, err := tx.Query(sqlHighlights, from, maxHighlighted, byTime, max(limit, 0))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var h Highlight
			var viewed int64
			r, err := scanRow(func(to ...any) error { return rows.Scan(append(to, &viewed, &h.Uses, &h.Score)...) })
			if err != nil {
				return err
			}
			h.Page, h.Viewed = r.page(), time.Duration(viewed)*time.Millisecond
			best = append(best, h)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot find highlights: %w", err)
	}
	return best, nil
}

// maxHighlighted bounds the uses that Highlights looks at.
const maxHighlighted = 10_000

// ForgetUses forgets the uses that were last noted in the time, and returns how many.
func (e *Engine) ForgetUses(ctx context.Context, when Between) (n int, err error) {
	from, to := int64(0), int64(math.MaxInt64)
	if !when.From.IsZero() {
		from = when.From.UnixMilli()
	}
	if !when.To.IsZero() {
		to = when.To.UnixMilli()
	}
	for more := int64(1); more > 0 && err == nil; n += int(more) {
		err = e.update(ctx, func(tx *tx) error {
			more, err = tx.Exec(sqlForgetUses, from, to, e.chunk)
			return err
		})
	}
	if err != nil {
		return n, fmt.Errorf("cannot forget how pages were used: %w", err)
	}
	return n, nil
}

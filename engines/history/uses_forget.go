package history

import (
	"context"
	"fmt"
	"math"

	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// SearchUses finds uses as a person types: each word of the query begins a word of the page's
// URL or title, or of the search term; in any case, with or without accents. It returns limit
// uses at most, the last noted first, and looks at the last 10,000 uses. A query without words
// finds all.
func (e *Engine) SearchUses(ctx context.Context, query string, limit int) (found []Use, err error) {
	matches := places.Matcher(query)
	before, below := int64(math.MaxInt64), int64(math.MinInt64)
	for looked := 0; looked < maxHighlighted && len(found) < limit; {
		page, err := e.usesPage(ctx, before, &below, 0)
		if err != nil {
			return nil, fmt.Errorf("cannot search how pages were used: %w", err)
		}
		for _, u := range page {
			before = u.To.UnixMilli()
			if len(found) < limit && matches(u.URL, u.Title, u.SearchTerm) {
				found = append(found, u)
			}
		}
		if looked += len(page); len(page) < listPage {
			break
		}
	}
	return found, nil
}

// ForgetUse forgets how the page u.URL was used after the search for u.SearchTerm and coming
// from u.Referrer, both of which may be ""; and returns how many uses that were. If u.From is
// set, that is the use that began then. The other fields are not read.
func (e *Engine) ForgetUse(ctx context.Context, u Use) (n int, err error) {
	began := int64(0)
	if !u.From.IsZero() {
		began = u.From.UnixMilli()
	}
	err = e.update(ctx, func(tx *tx) error {
		n = 0
		r, err := tx.askedFor(u.URL)
		if err != nil || r == nil {
			return err
		}
		referrer, err := tx.referrer(u.Referrer)
		if err != nil || u.Referrer != "" && referrer == nil {
			return err // no use has such a referrer
		}
		some, err := tx.Exec(sqlForgetUse, r.id, clean(u.SearchTerm), referrer, began)
		n = int(some)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("cannot forget a page's use: %w", err)
	}
	return n, nil
}

// ForgetSearchTerms forgets what was searched for in all uses, and returns in how many there
// was something. The uses stay.
func (e *Engine) ForgetSearchTerms(ctx context.Context) (n int, err error) {
	for more := int64(1); more > 0 && err == nil; n += int(more) {
		err = e.update(ctx, func(tx *tx) error {
			more, err = tx.Exec(sqlForgetTerms, e.chunk)
			return err
		})
	}
	if err != nil {
		return n, fmt.Errorf("cannot forget what was searched for: %w", err)
	}
	return n, nil
}

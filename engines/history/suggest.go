package history

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// Completion is what a text in an address bar may become.
type Completion struct {
	// Text begins with what was typed, letter by letter.
	Text string `json:"text"`
	// URL is where it leads.
	URL string `json:"url"`
}

// Complete completes an address as a person types it: first its host, as far as the next
// slash, then its path a segment at a time. Of the pages that were visited or bookmarked, the
// one used most and most recently decides. A scheme and "www." need not be typed. The error
// is [engine.ErrNotFound] if nothing begins like that. It looks at a bounded number of pages.
func (e *Engine) Complete(ctx context.Context, typed string) (c Completion, err error) {
	err = e.view(ctx, func(tx *tx) error {
		found, ok, err := tx.Complete(typed)
		if err == nil && !ok {
			return errNotFound
		}
		c = Completion(found)
		return err
	})
	if err != nil && !errors.Is(err, errNotFound) {
		err = fmt.Errorf("cannot complete an address: %w", err)
	}
	return c, err
}

// Accept notes that a person who typed a text picked the page with that URL: [Engine.Search]
// finds it first for the text and for what the text begins with, for two months or, if it
// was picked more often, longer. It stays on this device. The error is [engine.ErrNotFound] if there
// is no such page.
func (e *Engine) Accept(ctx context.Context, typed, url string) error {
	err := e.update(ctx, func(tx *tx) error {
		r, err := tx.askedFor(url)
		if err != nil {
			return err
		}
		if r == nil {
			return errNotFound
		}
		return tx.Tx.Accept(r.id, typed)
	})
	if err != nil && !errors.Is(err, errNotFound) {
		err = fmt.Errorf("cannot note what was picked: %w", err)
	}
	return err
}

// Ranked is a page with its score.
type Ranked struct {
	Page
	// Score is the page's frecency now, in points: a visit by a link is worth 50 at first, a
	// typed one 100, and half of that after every 30 days.
	Score float64 `json:"score"`
}

// maxTop bounds the pages that Top looks at.
const maxTop = 5000

// Top returns the pages used most and most recently, limit of them at most and none with a
// lower score than least, without their visits. Pages of the hosts in except and of their
// subdomains are left out. It looks at the best 5,000 pages.
func (e *Engine) Top(ctx context.Context, limit int, least float64, except ...string) (top []Ranked, err error) {
	hidden := make([]string, len(except))
	for i, host := range except {
		if !isHost(host) {
			return nil, fmt.Errorf("%w: %.70q", ErrHost, host)
		}
		hidden[i], _ = places.HostRange(host)
	}
	err = e.view(ctx, func(tx *tx) error {
		rows, err := tx.Query(sqlTop, maxTop)
		if err != nil {
			return err
		}
		defer rows.Close()
		now := tx.Now().Unix()
		for len(top) < limit && rows.Next() {
			var frecency int64
			r, err := scanRow(func(to ...any) error { return rows.Scan(append(to, &frecency)...) })
			if err != nil {
				return err
			}
			score := places.Score(frecency, now)
			if score < least {
				break
			}
			if !ofHost(r.url, hidden) {
				top = append(top, Ranked{r.page(), score})
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot rank the history: %w", err)
	}
	return top, nil
}

// ofHost reports whether a URL is of one of the hosts, which are reversed, or of a subdomain.
func ofHost(url string, hosts []string) bool {
	for _, host := range hosts {
		if strings.HasPrefix(places.RevHost(url), host) {
			return true
		}
	}
	return false
}

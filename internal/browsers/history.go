package browsers

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

const (
	// maxVisits bounds the visits of a request and of an answer.
	maxVisits = 500
	// echo is how near the time of a visit is to that at which the browser was given it, if it is
	// no visit of a user.
	echo = 5 * time.Minute
)

// Visits are visits of pages in a browser.
type Visits struct {
	Install string  `json:"install"`
	Visits  []Visit `json:"visits"`
}

// Visit is a visit of a page.
type Visit struct {
	URL   string `json:"url"`
	Title string `json:"title,omitempty"`
	// At is when, in Unix milliseconds.
	At float64 `json:"at"`
}

// visits adds visits, but not those that the browser was given.
func (h *handler) visits(ctx context.Context, q Visits) (struct{}, error) {
	b, err := h.load(q.Install)
	if err != nil {
		return struct{}{}, err
	}
	if len(q.Visits) > maxVisits {
		return struct{}{}, invalid("there are more than %d visits", maxVisits)
	}
	e, err := h.Profile.History(ctx)
	if err != nil {
		return struct{}{}, err
	}
	now := h.Now()
	for _, v := range q.Visits {
		if !isWeb(v.URL) || len(v.URL) > maxURL || v.At <= 0 || v.At > 1e15 {
			continue
		}
		at := time.UnixMilli(int64(v.At)).UTC()
		if at.After(now) {
			at = now.UTC()
		}
		if told, ok := b.Added[v.URL]; ok && at.Sub(told).Abs() < echo {
			continue
		}
		_, err := e.AddVisit(ctx, v.URL, cut(v.Title), history.Visit{At: at, Type: history.Link})
		if err != nil && !errors.Is(err, engine.ErrInvalid) && !errors.As(err, new(*engine.DuplicateError)) {
			return struct{}{}, err
		}
	}
	return struct{}{}, nil
}

// history returns the newest visits of other devices since the browser was last given some, of each
// page one. The first time there are none: the user wanted what comes from then on.
func (h *handler) history(ctx context.Context, q Install) (Visits, error) {
	out := Visits{Install: q.Install, Visits: []Visit{}}
	b, err := h.load(q.Install)
	if err != nil {
		return out, err
	}
	now := h.Now().UTC()
	if b.HistoryAt.IsZero() {
		b.HistoryAt = now
		return out, h.save(b)
	}
	e, err := h.Profile.History(ctx)
	if err != nil {
		return out, err
	}
	seen := map[string]bool{}
	newest := b.HistoryAt
	for v, err := range e.ListVisits(ctx, history.Visits{Between: history.Between{From: b.HistoryAt.Add(time.Microsecond)}}) {
		if err != nil {
			return out, err
		}
		if v.At.After(newest) {
			newest = v.At
		}
		if !v.Remote || v.Hidden || seen[v.URL] || !isWeb(v.URL) || len(v.URL) > maxTitle {
			continue
		}
		seen[v.URL] = true
		if out.Visits = append(out.Visits, Visit{v.URL, v.Title, float64(v.At.UnixMilli())}); len(out.Visits) == maxVisits/4 {
			break
		}
	}
	if newest.Equal(b.HistoryAt) {
		return out, nil
	}
	slices.Reverse(out.Visits)
	b.HistoryAt = newest
	for url, at := range b.Added {
		if now.Sub(at) > echo {
			delete(b.Added, url)
		}
	}
	if b.Added == nil {
		b.Added = map[string]time.Time{}
	}
	for _, v := range out.Visits {
		b.Added[v.URL] = now
	}
	return out, h.save(b)
}

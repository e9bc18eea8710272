package history

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// Transition says how a visit came about, in Firefox's numbers, which are those
// on the wire.
type Transition int

// The transitions, those of the places file.
const (
	Link              = Transition(places.Link)     // a link was followed
	Typed             = Transition(places.Typed)    // the address was typed, or picked while typing
	Bookmark          = Transition(places.Bookmark) // a bookmark was opened
	Embed             = Transition(places.Embed)    // loaded inside a page
	RedirectPermanent = Transition(places.RedirectPermanent)
	RedirectTemporary = Transition(places.RedirectTemporary)
	Download          = Transition(places.Download)
	FramedLink        = Transition(places.FramedLink) // a link was followed inside a frame
	Reload            = Transition(places.Reload)
)

// Visit is one visit of a page.
type Visit struct {
	// At is when, to the microsecond, in UTC.
	At time.Time
	// Type is how.
	Type Transition

	// What follows stays on this device: records on the wire have no fields for it.

	// Referrer is the URL of the page that led there, by a link or by a redirect; "": none that
	// is in the history. It goes when that page is deleted, and an Undo does not bring it back.
	Referrer string
	// Redirected is set if the page sent the user on to another, and Failed if it could not be
	// loaded. A page that has only such visits is hidden, and is not synced.
	Redirected, Failed bool
	// Remote is set if the visit came with a sync. The records do not say of which device
	// a visit is, so it may be one of this device that was deleted here and came back.
	Remote bool
}

// flags are those of the visit's row.
func (v Visit) flags() (f places.Flags) {
	if v.Remote {
		f |= places.Remote
	}
	if v.Redirected {
		f |= places.Redirected
	}
	if v.Failed {
		f |= places.Failed
	}
	return f
}

func (v *visit) public() Visit {
	return Visit{
		At: time.UnixMicro(v.date).UTC(), Type: Transition(v.kind), Referrer: v.referrer,
		Remote: v.flags&places.Remote != 0, Redirected: v.flags&places.Redirected != 0, Failed: v.flags&places.Failed != 0,
	}
}

type visitJSON struct {
	Date       int64      `json:"date"`
	Type       Transition `json:"type"`
	Referrer   string     `json:"referrer,omitempty"`
	Redirected bool       `json:"redirected,omitempty"`
	Failed     bool       `json:"failed,omitempty"`
	Remote     bool       `json:"remote,omitempty"`
}

// MarshalJSON writes the wire's names, with the date in Unix microseconds, and what stays on
// this device.
func (v Visit) MarshalJSON() ([]byte, error) {
	return json.Marshal(visitJSON{v.At.UnixMicro(), v.Type, v.Referrer, v.Redirected, v.Failed, v.Remote})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Visit) UnmarshalJSON(raw []byte) error {
	var j visitJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	*v = Visit{time.UnixMicro(j.Date).UTC(), j.Type, j.Referrer, j.Redirected, j.Failed, j.Remote}
	return nil
}

// Page is a page that the user visited. In JSON it has the wire's field names, and
// those of its counts.
type Page struct {
	ID    engine.ID `json:"id"`
	URL   string    `json:"histUri"`
	Title string    `json:"title"`
	// Visits are all visits, newest first, where a method says that it reads them.
	Visits []Visit `json:"visits,omitempty"`
	// VisitCount counts the visits, and TypedCount those whose address was typed.
	VisitCount int `json:"visitCount"`
	TypedCount int `json:"typedCount"`
	// LastVisit is when the newest was, to the microsecond, in UTC.
	LastVisit time.Time `json:"lastVisit"`
	// Hidden pages were seen only inside others or on the way to them, or not at all.
	Hidden bool `json:"hidden,omitempty"`
	// PreviewImage is the URL of an image of the page, http or https; "": none. It stays on this
	// device.
	PreviewImage string `json:"previewImage,omitempty"`
}

func (r *row) page() Page {
	return Page{
		ID: r.guid, URL: r.url, Title: r.title, VisitCount: r.visits, TypedCount: r.typed,
		LastVisit: time.UnixMicro(r.lastVisit).UTC(), Hidden: r.hidden, PreviewImage: r.preview,
	}
}

func (t *tx) page(r *row) (Page, error) {
	p := r.page()
	visits, err := t.last(r.id, math.MaxInt32)
	for _, v := range visits {
		p.Visits = append(p.Visits, v.public())
	}
	return p, err
}

// Get returns the page with the ID and its visits, or [engine.ErrNotFound].
func (e *Engine) Get(ctx context.Context, id engine.ID) (Page, error) {
	return e.get(ctx, func(tx *tx) (*row, error) { return tx.byGUID(id) })
}

// GetURL returns the page with the URL and its visits, or [engine.ErrNotFound].
func (e *Engine) GetURL(ctx context.Context, url string) (Page, error) {
	return e.get(ctx, func(tx *tx) (*row, error) { return tx.askedFor(url) })
}

func (e *Engine) get(ctx context.Context, find func(*tx) (*row, error)) (p Page, err error) {
	err = e.view(ctx, func(tx *tx) error {
		r, err := find(tx)
		if err != nil {
			return err
		}
		if r == nil || r.visits == 0 {
			return errNotFound
		}
		p, err = tx.page(r)
		return err
	})
	return p, err
}

// listPage is how many pages List holds at a time.
const listPage = 256

// Between is the time from From (inclusive) to To (exclusive). A zero From or To means no
// bound.
type Between struct{ From, To time.Time }

func (b Between) micros() (from, to int64) {
	from, to = 1, math.MaxInt64
	if !b.From.IsZero() {
		from = max(1, b.From.UnixMicro())
	}
	if !b.To.IsZero() {
		to = b.To.UnixMicro()
	}
	return from, to
}

// List yields all pages, the one last visited first, without their visits and without hidden
// ones. It holds a page of pages at a time, and edits may go on meanwhile.
func (e *Engine) List(ctx context.Context) iter.Seq2[Page, error] {
	return e.ListBetween(ctx, Between{})
}

// ListBetween yields those pages of List whose last visit is in the time.
func (e *Engine) ListBetween(ctx context.Context, when Between) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		from, to := when.micros()
		before, below := to, int64(math.MinInt64) // the last that was yielded
		for {
			page, err := e.rows(ctx, sqlRecent, before, below, from, listPage)
			if err != nil {
				yield(Page{}, fmt.Errorf("cannot list the history: %w", err))
				return
			}
			for _, r := range page {
				if !yield(r.page(), nil) {
					return
				}
				before, below = r.lastVisit, r.id
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

func (e *Engine) rows(ctx context.Context, query string, args ...any) (all []*row, err error) {
	err = e.view(ctx, func(tx *tx) error {
		rows, err := tx.Query(query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scanRow(rows.Scan)
			if err != nil {
				return err
			}
			all = append(all, r)
		}
		return rows.Err()
	})
	return all, err
}

// Search finds pages as a person types: each word of the query begins a word of
// the URL or the title, or of a bookmark's title or tags; in any case, with or
// without accents. It returns limit pages at most, without their visits, those
// used most and most recently first, and looks at a bounded number of pages,
// however many there are.
func (e *Engine) Search(ctx context.Context, query string, limit int) ([]Page, error) {
	found, err := e.db.Search(ctx, query, places.Visited, limit)
	if err != nil {
		return nil, err
	}
	pages := make([]Page, len(found))
	for i, p := range found {
		pages[i] = Page{
			ID: engine.ID(p.GUID), URL: p.URL, Title: p.Title, VisitCount: p.Visits, TypedCount: p.Typed,
			LastVisit: time.UnixMicro(p.LastVisit).UTC(), Hidden: p.Hidden,
		}
	}
	return pages, nil
}

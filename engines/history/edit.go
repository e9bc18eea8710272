package history

import (
	"context"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// Add notes a visit of the page with that URL, and returns the page. A zero At
// is now, a zero Type a Link; an empty title keeps the one that the page has. A
// visit that the page has already changes nothing.
func (e *Engine) Add(ctx context.Context, url, title string, v Visit) (p Page, err error) {
	if v.At.IsZero() {
		v.At = e.db.Now()
	}
	if v.Type == 0 {
		v.Type = Link
	}
	in := Page{URL: url, Title: title}
	if err := checkPage(&in); err != nil {
		return Page{}, err
	}
	one, err := e.checkVisit(v)
	if err != nil {
		return Page{}, err
	}
	err = e.edit(ctx, func(tx *tx) error {
		r, _, err := tx.add(&in, []visit{one})
		if err == nil {
			p = r.page()
		}
		return err
	})
	if err != nil {
		return Page{}, fmt.Errorf("cannot add to the history: %w", err)
	}
	return p, nil
}

// checkPage brings a page's URL and title into the form that is stored. An error says why
// it cannot be stored.
func checkPage(p *Page) error {
	url, err := places.Normalise(p.URL)
	if err != nil {
		return invalid("%w", err)
	}
	if ok, _ := storable(url); !ok {
		return invalid("the history does not keep addresses of this kind")
	}
	p.URL, p.Title = url, clean(p.Title)
	return nil
}

// checkVisit returns the row of a visit. An error says why it cannot be stored.
func (e *Engine) checkVisit(v Visit) (visit, error) {
	date := v.At.UnixMicro()
	switch {
	case !places.Transition(v.Type).Valid():
		return visit{}, invalid("there is no transition %d", v.Type)
	case date < earliest:
		return visit{}, invalid("%s is before the first browser", v.At.UTC().Format(time.DateOnly))
	case date > e.db.Now().UnixMicro()+clockSkew:
		return visit{}, invalid("%s is in the future", v.At.UTC().Format(time.DateOnly))
	}
	return visit{date: date, kind: int(v.Type)}, nil
}

// add adds visits to a page, which it makes if it does not exist. changed is set if that
// made a difference.
func (t *tx) add(p *Page, visits []visit) (r *row, changed bool, err error) {
	if r, err = t.byURL(p.URL); err != nil {
		return nil, false, err
	}
	if r == nil {
		return t.addNew(p, visits)
	}
	for _, v := range visits {
		if _, err := t.Exec(sqlRemoveTombstoneVisit, r.id, v.date); err != nil {
			return nil, false, err
		}
	}
	added, err := t.addVisits(r, visits)
	if err != nil {
		return nil, false, err
	}
	retitled := p.Title != "" && p.Title != r.title
	if added == 0 && !retitled {
		return r, false, nil
	}
	if retitled {
		t.retitle(r, p.Title)
	}
	if err := t.touch(r); err != nil {
		return nil, false, err
	}
	return r, true, t.save(r, added > 0, retitled)
}

func (t *tx) addNew(p *Page, visits []visit) (*row, bool, error) {
	r := &row{url: p.URL, title: p.Title}
	if r.title != "" {
		r.edited = t.Now().UnixMilli()
	}
	if err := t.insert(r, visits); err != nil {
		return nil, false, err
	}
	// A browser knows more about that than its visits tell: a page that sent the
	// user on to another was never seen.
	r.hidden = r.hidden || p.Hidden
	if err := t.touch(r); err != nil {
		return nil, false, err
	}
	return r, true, t.save(r, false, false)
}

// retitle gives a page the user's title, and remembers the one that the server
// has.
func (t *tx) retitle(r *row, title string) {
	if r.synced && r.baseTitle == nil {
		base := r.title
		r.baseTitle = &base
	}
	r.title, r.edited = title, t.Now().UnixMilli()
}

// SetTitle gives the page with the ID another title, or returns ErrNotFound.
func (e *Engine) SetTitle(ctx context.Context, id engine.ID, title string) error {
	title = clean(title)
	return e.edit(ctx, func(tx *tx) error {
		r, err := tx.byGUID(id)
		if err != nil {
			return err
		}
		if r == nil || r.visits == 0 {
			return ErrNotFound
		}
		if r.title == title {
			return nil
		}
		tx.retitle(r, title)
		if err := tx.touch(r); err != nil {
			return err
		}
		return tx.save(r, false, true)
	})
}

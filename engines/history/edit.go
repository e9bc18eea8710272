package history

import (
	"context"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// Tx is a transaction of the user's changes; see [Engine.Edit].
type Tx struct {
	tx *tx
	e  *Engine
}

// Edit runs f in one transaction: all changes are kept if f returns nil, and none otherwise.
// f must be quick and use only tx, because syncs and other edits wait for it.
func (e *Engine) Edit(ctx context.Context, f func(tx *Tx) error) error {
	return e.edit(ctx, func(tx *tx) error { return f(&Tx{tx, e}) })
}

// Get returns the page with the ID and its visits, or [engine.ErrNotFound].
func (t *Tx) Get(id engine.ID) (Page, error) {
	r, err := t.find(id)
	if err != nil {
		return Page{}, err
	}
	return t.tx.page(r)
}

func (t *Tx) find(id engine.ID) (*row, error) {
	r, err := t.tx.byGUID(id)
	if err == nil && (r == nil || r.visits == 0) {
		err = errNotFound
	}
	return r, err
}

// Add adds a page with its visits as [Engine.Add] does, and sets p to the page.
func (t *Tx) Add(p *Page) error {
	in := Page{URL: p.URL, Title: p.Title, Hidden: p.Hidden, PreviewImage: p.PreviewImage}
	if err := checkPage(&in); err != nil {
		return err
	}
	given := p.Visits
	if len(given) == 0 {
		given = []Visit{{}}
	}
	visits := make([]visit, len(given))
	for i, v := range given {
		if v.At.IsZero() {
			v.At = t.e.db.Now()
		}
		if v.Type == 0 {
			v.Type = Link
		}
		var err error
		if visits[i], err = t.e.checkVisit(v); err != nil {
			return err
		}
	}
	r, _, err := t.tx.add(&in, visits)
	if err == nil {
		*p, err = t.tx.page(r)
	}
	return err
}

// Update gives the page that has p's ID the title of p; see [Engine.Update].
func (t *Tx) Update(p *Page) error {
	title := clean(p.Title)
	image, err := checkImage(p.PreviewImage)
	if err != nil {
		return err
	}
	r, err := t.find(p.ID)
	if err != nil {
		return err
	}
	if image != "" && image != r.preview {
		if err := t.tx.setPreview(r, image); err != nil {
			return err
		}
	}
	if r.title != title {
		t.tx.retitle(r, title)
		if err := t.tx.touch(r); err != nil {
			return err
		}
		if err := t.tx.save(r, false, true); err != nil {
			return err
		}
	}
	*p, err = t.tx.page(r)
	return err
}

// Delete deletes the page with the ID and all its visits, or returns [engine.ErrNotFound].
func (t *Tx) Delete(id engine.ID) error {
	r, err := t.find(id)
	if err != nil {
		return err
	}
	return t.tx.remove(r)
}

// Add adds a page with p's Visits, or gives these to the page that has the URL already, and
// returns the page. Without Visits it was visited now, by a Link; an empty title keeps the
// one that the page has. The ID and the counts follow from the rest. The error is, among
// others, an [engine.InvalidError].
func (e *Engine) Add(ctx context.Context, p Page) (Page, error) {
	err := e.Edit(ctx, func(tx *Tx) error { return tx.Add(&p) })
	if err != nil {
		return Page{}, fmt.Errorf("cannot add to the history: %w", err)
	}
	return p, nil
}

// AddVisit notes a visit of the page with that URL, and returns the page. A zero At
// is now, a zero Type a Link; an empty title keeps the one that the page has. A
// visit that the page has already changes nothing.
func (e *Engine) AddVisit(ctx context.Context, url, title string, v Visit) (p Page, err error) {
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
	p.PreviewImage, err = checkImage(p.PreviewImage)
	return err
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
	return visit{date: date, kind: int(v.Type), flags: v.flags(), referrer: v.Referrer}, nil
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
	if p.PreviewImage != "" && p.PreviewImage != r.preview {
		if err := t.setPreview(r, p.PreviewImage); err != nil {
			return nil, false, err
		}
	}
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
	r := p.new(t.Now())
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

// new is the row of a page that the user adds at a time, without visits.
func (p *Page) new(now time.Time) *row {
	r := &row{url: p.URL, title: p.Title, preview: p.PreviewImage}
	if r.title != "" {
		r.edited = now.UnixMilli()
	}
	return r
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

// Update gives the page that has p's ID the title and the preview image of p, and returns
// the page with its visits, or [engine.ErrNotFound]. Without a PreviewImage it keeps the one
// that it has; [Engine.SetPreviewImage] can take that away. The rest of a page follows from its visits, which
// [Engine.AddVisit] adds and [Engine.DeleteBetween] deletes.
func (e *Engine) Update(ctx context.Context, p Page) (Page, error) {
	err := e.Edit(ctx, func(tx *Tx) error { return tx.Update(&p) })
	return p, err
}

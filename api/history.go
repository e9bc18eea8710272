package api

import (
	"context"
	"iter"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/history"
)

// Page is a page that the user visited.
type Page struct {
	ID   engine.ID `json:"id"`
	ETag string    `json:"etag"`
	// URL has the name that records give it.
	URL   string `json:"histUri"`
	Title string `json:"title"`
	// VisitCount counts the visits, and TypedCount those whose address was typed.
	VisitCount int `json:"visitCount"`
	TypedCount int `json:"typedCount"`
	// LastVisit is when the newest was; absent: the page was not visited.
	LastVisit time.Time `json:"lastVisit,omitzero"`
	// Hidden pages were seen only inside others or on the way to them.
	Hidden bool `json:"hidden,omitempty"`
}

// RankedPage is a page with its score.
type RankedPage struct {
	Page
	// Score is how often and how recently it was used, in points.
	Score float64 `json:"score"`
}

// PageList lists pages.
type PageList struct {
	Pages []Page `json:"pages"`
}

// RankedPages lists pages, the best first.
type RankedPages struct {
	Pages []RankedPage `json:"pages"`
}

// Between is a time from From, inclusive, to To, exclusive; absent: without a bound.
type Between struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

func (b Between) of() history.Between { return history.Between{From: b.From, To: b.To} }

// PageOf names a page, by its ID or its URL.
type PageOf struct {
	ID  engine.ID `json:"id,omitempty" bound:"1..64"`
	URL string    `json:"url,omitempty" bound:"1..65536"`
}

// AddVisit is a visit of a page.
type AddVisit struct {
	URL string `json:"url" bound:"1..65536"`
	// Title is the page's; absent: it keeps the one that it has.
	Title string `json:"title,omitempty" bound:"0..4096"`
	// At is when; absent: now.
	At time.Time `json:"at,omitzero"`
	// Type is how, in Firefox's numbers: 1 by a link, 2 typed, 3 by a bookmark, 5 and 6 by a
	// redirect, 7 a download, 9 a reload; absent: by a link.
	Type int `json:"type,omitempty" bound:"1..9"`
}

// ImportVisits brings visits along.
type ImportVisits struct {
	Items  []AddVisit `json:"items" bound:"1..1000"`
	DryRun bool       `json:"dryRun,omitempty"`
}

// UpdatePage changes the title of a page.
type UpdatePage struct {
	Read
	Title string `json:"title" bound:"0..4096"`
}

// DeleteVisit names a visit.
type DeleteVisit struct {
	URL string    `json:"url" bound:"1..65536"`
	At  time.Time `json:"at"`
}

// Host is a host.
type Host struct {
	// Host is its name, "example.org"; its subdomains belong to it.
	Host string `json:"host" bound:"1..253"`
}

func (c *call) page(p history.Page) (Page, error) {
	etag, err := c.etag("history", []any{p.ID, p.Title, p.VisitCount})
	return Page{p.ID, etag, p.URL, p.Title, p.VisitCount, p.TypedCount, p.LastVisit.UTC(), p.Hidden}, err
}

func (c *call) pageList(pages []history.Page, err error) (PageList, error) {
	out := PageList{[]Page{}}
	for _, p := range pages {
		if err != nil {
			break
		}
		var shown Page
		shown, err = c.page(p)
		out.Pages = append(out.Pages, shown)
	}
	return out, err
}

func historyVerbs() []*Verb {
	reading, writing := Needs{Engines: []string{"history"}}, Needs{Engines: []string{"history"}, Write: true}
	return append([]*Verb{
		stream("history.list", "Lists the pages whose last visit is in a time, the one last visited first.", reading,
			func(ctx context.Context, c *call, q Between) (iter.Seq2[Page, error], error) {
				e, err := c.home.History(ctx)
				if err != nil {
					return nil, err
				}
				return mapped(e.ListBetween(ctx, q.of()), c.page), nil
			}),
		stream("history.visits", "Lists the visits in a time, the newest first.", reading,
			func(ctx context.Context, c *call, q Between) (iter.Seq2[history.PageVisit, error], error) {
				e, err := c.home.History(ctx)
				if err != nil {
					return nil, err
				}
				return e.ListVisits(ctx, history.Visits{Between: q.of()}), nil
			}),
		value("history.search", "Finds pages by the beginnings of words in URL and title.", reading,
			func(ctx context.Context, c *call, q SearchWords) (PageList, error) {
				e, err := c.home.History(ctx)
				if err != nil {
					return PageList{}, err
				}
				return c.pageList(e.Search(ctx, q.Words, q.or(usualLimit)))
			}),
		value("history.top", "Returns the pages that were used most and most recently.", reading, topPages),
		value("history.get", "Returns a page.", reading, func(ctx context.Context, c *call, q PageOf) (Page, error) {
			e, err := c.home.History(ctx)
			if err != nil {
				return Page{}, err
			}
			p, err := pageOf(ctx, e, q)
			if err != nil {
				return Page{}, err
			}
			return c.page(p)
		}),
		value("history.add", "Notes a visit of a page, and returns the page.", writing, addVisit),
		value("history.update", "Changes the title of a page, and returns the page.", writing, updatePage),
		value("history.delete", "Deletes a page with all its visits, here and with the next sync everywhere.", writing,
			func(ctx context.Context, c *call, q PageOf) (history.Deleted, error) {
				e, err := c.home.History(ctx)
				if err != nil {
					return history.Deleted{}, err
				}
				p, err := pageOf(ctx, e, q)
				if err != nil {
					return history.Deleted{}, err
				}
				return e.DeleteURL(ctx, p.URL)
			}),
		action("history.deleteVisit", "Deletes the visit of a page at a time, and the page if it has no other.", writing,
			func(ctx context.Context, c *call, q DeleteVisit) error {
				e, err := c.home.History(ctx)
				if err != nil {
					return err
				}
				return e.DeleteVisit(ctx, q.URL, q.At)
			}),
		value("history.deleteBetween", "Deletes the visits in a time, and the pages that have no other.", writing,
			func(ctx context.Context, c *call, q Between) (history.Deleted, error) {
				e, err := c.home.History(ctx)
				if err != nil {
					return history.Deleted{}, err
				}
				return e.DeleteBetween(ctx, q.of())
			}),
		value("history.deleteHost", "Deletes all pages of a host and of its subdomains.", writing,
			func(ctx context.Context, c *call, q Host) (history.Deleted, error) {
				e, err := c.home.History(ctx)
				if err != nil {
					return history.Deleted{}, err
				}
				return e.DeleteHost(ctx, q.Host)
			}),
		importVerb("history.importFile", "Adds the pages and visits of a file that 'syncmanager history export' wrote.",
			"history", func(ctx context.Context, h Home) (importer, error) { return h.History(ctx) }),
		large(value("history.import", "Adds up to 1,000 visits. Those that are here already are duplicates.", writing, importVisits)),
	}, undoVerbs("history", func(ctx context.Context, h Home) (undoer, error) { return h.History(ctx) })...)
}

func pageOf(ctx context.Context, e *history.Engine, q PageOf) (history.Page, error) {
	switch {
	case q.ID != "":
		return e.Get(ctx, q.ID)
	case q.URL != "":
		return e.GetURL(ctx, q.URL)
	}
	return history.Page{}, invalidf("", "give the page's id or url")
}

func topPages(ctx context.Context, c *call, q Limit) (RankedPages, error) {
	e, err := c.home.History(ctx)
	if err != nil {
		return RankedPages{}, err
	}
	top, err := e.Top(ctx, q.or(usualLimit), 0)
	out := RankedPages{[]RankedPage{}}
	for _, p := range top {
		shown, err := c.page(p.Page)
		if err != nil {
			return RankedPages{}, err
		}
		out.Pages = append(out.Pages, RankedPage{shown, p.Score})
	}
	return out, err
}

func (q AddVisit) visit() history.Visit {
	return history.Visit{At: q.At, Type: history.Transition(q.Type)}
}

func addVisit(ctx context.Context, c *call, q AddVisit) (Page, error) {
	e, err := c.home.History(ctx)
	if err != nil {
		return Page{}, err
	}
	p, err := e.AddVisit(ctx, q.URL, q.Title, q.visit())
	if err != nil {
		return Page{}, err
	}
	return c.page(p)
}

func updatePage(ctx context.Context, c *call, q UpdatePage) (shown Page, err error) {
	e, err := c.home.History(ctx)
	if err != nil {
		return shown, err
	}
	err = e.Edit(ctx, func(tx *history.Tx) error {
		p, err := tx.Get(q.ID.ID)
		if err != nil {
			return err
		}
		if err := c.matches(q.ETag, "history", []any{p.ID, p.Title, p.VisitCount}); err != nil {
			return err
		}
		p.Title = q.Title
		if err := tx.Update(&p); err != nil {
			return err
		}
		shown, err = c.page(p)
		return err
	})
	return shown, err
}

func importVisits(ctx context.Context, c *call, q ImportVisits) (importing.Report, error) {
	e, err := c.home.History(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	return imported(e.Import(ctx, func(yield func(history.Page, error) bool) {
		for _, v := range q.Items {
			visit := v.visit()
			if visit.At.IsZero() {
				visit.At = c.now()
			}
			if visit.Type == 0 {
				visit.Type = history.Link
			}
			if !yield(history.Page{URL: v.URL, Title: v.Title, Visits: []history.Visit{visit}}, nil) {
				return
			}
		}
	}, nil, importing.Options{DryRun: q.DryRun}))
}

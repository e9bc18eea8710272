package main

import (
	"context"
	"errors"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/placesfile"
)

const shown = 10 // how many results a list has at most

var pageCommands = []command{
	{"open", "URL [TITLE…]", "open a page in a tab", (*browser).openPage},
	{"follow", "FROM URL [TITLE…]", "open a page by a link of another one", (*browser).follow},
	{"type", "TEXT…", "what an address bar shows while one types", (*browser).typed},
	{"pick", "TEXT URL", "open a page that was shown for a text", (*browser).pick},
	{"top", "[HOST…]", "the pages used most, but not those of some hosts", (*browser).top},
	{"visits", "[HOST]", "the last visits; of a host, how many there were", (*browser).visits},
	{"forget", "URL|HOST", "delete a page, or all pages of a host, on all devices", (*browser).forget},
	{"forget-here", "", "delete the history of this device alone", (*browser).forgetHere},
}

func (b *browser) openPage(ctx context.Context, args []string) error {
	return b.visit(ctx, args[0], strings.Join(args[1:], " "), history.Visit{Type: history.Typed})
}

func (b *browser) follow(ctx context.Context, args []string) error {
	return b.visit(ctx, args[1], strings.Join(args[2:], " "), history.Visit{Type: history.Link, Referrer: args[0]})
}

// visit notes that a page was opened, for the history and among this device's tabs.
func (b *browser) visit(ctx context.Context, url, title string, v history.Visit) error {
	page, err := b.history.AddVisit(ctx, url, title, v)
	if err != nil {
		return err
	}
	// A page that means nothing elsewhere, such as a file, is not a tab for the others.
	err = b.tabs.OpenTab(ctx, page.URL, page.Title)
	if errors.Is(err, engine.ErrInvalid) {
		return nil
	}
	return err
}

// typed shows how the text goes on, and then the pages and bookmarks that it may mean.
func (b *browser) typed(ctx context.Context, args []string) error {
	text := strings.Join(args, " ")
	switch c, err := b.history.Complete(ctx, text); {
	case err == nil:
		b.printf("> %s", c.Text)
	case !errors.Is(err, engine.ErrNotFound):
		return err
	}
	query := placesfile.Query{Text: text, Limit: shown}
	for tab, err := range b.tabs.List(ctx) {
		if err != nil {
			return err
		}
		query.Open = append(query.Open, tab.URL())
	}
	found, err := b.places.Search(ctx, query)
	for _, r := range found {
		marks := ""
		if r.Bookmark != nil {
			marks += ", bookmarked"
		}
		if r.Open {
			marks += ", open"
		}
		b.printf("%.2f %s %s (by %s%s)", r.Score, r.URL, r.Title, r.Match, marks)
	}
	return err
}

// pick opens a page that typed showed. Next time it comes first for that text.
func (b *browser) pick(ctx context.Context, args []string) error {
	if err := b.visit(ctx, args[1], "", history.Visit{Type: history.Typed}); err != nil {
		return err
	}
	return b.history.Accept(ctx, args[0], args[1])
}

func (b *browser) top(ctx context.Context, args []string) error {
	pages, err := b.history.Top(ctx, shown, 0, args...)
	for _, p := range pages {
		b.printf("%.0f %s %s", p.Score, p.URL, p.Title)
	}
	return err
}

func (b *browser) visits(ctx context.Context, args []string) error {
	which := history.Visits{Except: []history.Transition{history.Embed, history.Reload}}
	if len(args) > 0 {
		n, err := b.history.CountVisitsOfHost(ctx, args[0], which)
		if err == nil {
			b.printf("%d", n)
		}
		return err
	}
	n := 0
	for v, err := range b.history.ListVisits(ctx, which) {
		if err != nil {
			return err
		}
		from := ""
		if v.Referrer != "" {
			from = " from " + v.Referrer
		}
		if v.Remote {
			from = " on another device" // the records do not say on which
		}
		b.printf("%s %s %s%s", when(v.At), v.URL, v.Title, from)
		if n++; n == shown {
			break
		}
	}
	return nil
}

func (b *browser) forget(ctx context.Context, args []string) error {
	remove := b.history.DeleteHost
	if strings.Contains(args[0], "://") {
		remove = b.history.DeleteURL
	}
	deleted, err := remove(ctx, args[0])
	if err == nil {
		b.printf("%d pages and %d visits deleted, here and with the next sync everywhere", deleted.Pages, deleted.Visits)
	}
	return err
}

// forgetHere is for a computer that others use, too: the next sync does not bring the history back.
func (b *browser) forgetHere(ctx context.Context, _ []string) error {
	deleted, err := b.history.ClearLocal(ctx)
	b.printf("%d pages and %d visits deleted, here alone", deleted.Pages, deleted.Visits)
	return err
}

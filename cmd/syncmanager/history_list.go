package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/history"
)

func (a *app) historyListCommand() *cobra.Command {
	var (
		since, until momentFlag
		limit        int
	)
	c := &cobra.Command{
		Use:               "list [URL]",
		Short:             "List the pages that were visited, or one with all its visits",
		Long:              "List the pages that were visited, the newest first, or one with all its visits.\n\n" + momentHelp,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	registerBetween(c, &since, &until, "pages last visited")
	c.Flags().IntVar(&limit, "limit", 50, "print `N` at most; 0: all")
	c.PreRunE = func(c *cobra.Command, args []string) error {
		switch {
		case limit < 0:
			return errors.New("--limit must not be negative")
		case len(args) == 1 && (since.text != "" || until.text != ""):
			return errors.New("name a page or a time, not both")
		}
		return nil
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		when, err := timeSpan(since, until)
		if err != nil {
			return err
		}
		store, err := p.History(ctx)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			return a.showPage(ctx, store, args[0])
		}
		pages := func(yield func(history.Page, error) bool) {
			n := 0
			for page, err := range store.List(ctx, when) {
				if n++; !yield(page, err) || n == limit {
					return
				}
			}
		}
		if a.json {
			return printArray(a.jsonOut(), pages, func(p history.Page) any { return p })
		}
		var all []history.Page
		for page, err := range pages {
			if err != nil {
				return err
			}
			all = append(all, page)
		}
		return a.listPages(all)
	})
	return c
}

func (a *app) showPage(ctx context.Context, store *history.Engine, word string) error {
	page, err := findPage(ctx, store, word)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON([]history.Page{page})
	}
	var t table
	t.add("ID", string(page.ID))
	t.add("URL", page.URL)
	if page.Title != "" {
		t.add("Title", page.Title)
	}
	for i, v := range page.Visits {
		field := ""
		if i == 0 {
			field = "Visits"
		}
		t.add(field, a.moment(&v.At)+"  "+transitionWord(v.Type))
	}
	return t.print(a.stdout)
}

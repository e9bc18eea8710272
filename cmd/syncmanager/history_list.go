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
		Use:   "list",
		Short: "List the pages that were visited, the newest first",
		Long:  "List the pages that were visited, the newest first.\n\n" + momentHelp,
		Args:  cobra.NoArgs,
	}
	registerBetween(c, &since, &until, "pages last visited")
	c.Flags().IntVar(&limit, "limit", 50, "print `N` at most; 0: all")
	c.PreRunE = func(*cobra.Command, []string) error {
		if limit < 0 {
			return errors.New("--limit is not negative")
		}
		return nil
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
		when, err := timeSpan(since, until)
		if err != nil {
			return err
		}
		store, err := p.History(ctx)
		if err != nil {
			return err
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
			return printArray(a.stdout, pages, func(p history.Page) any { return p })
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

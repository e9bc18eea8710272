package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/history"
)

func (a *app) historyRemoveCommand() *cobra.Command {
	var (
		host         string
		since, until momentFlag
	)
	c := &cobra.Command{
		Use:   "rm URL… | --host HOST | --since TIME",
		Short: "Delete pages: by URL, of a host, or what was visited in a time",
		Long: `Delete pages, here and with the next sync everywhere: by URL, all of a host and
its subdomains, or what was visited in a time. Of a page that was visited at
other times too, the visits go from this device alone.

` + momentHelp,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().StringVar(&host, "host", "", "delete all pages of `HOST` and its subdomains")
	registerBetween(c, &since, &until, "delete visits")
	c.PreRunE = func(c *cobra.Command, args []string) error {
		ways := 0
		for _, given := range []bool{len(args) > 0, c.Flags().Changed("host"), c.Flags().Changed("since") || c.Flags().Changed("until")} {
			if given {
				ways++
			}
		}
		if ways != 1 {
			return errors.New("say what to delete in one way: URLs, --host, or --since and --until")
		}
		return nil
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		store, err := p.History(ctx)
		if err != nil {
			return err
		}
		var gone history.Deleted
		switch {
		case len(args) > 0:
			gone, err = deletePages(ctx, store, args)
		case c.Flags().Changed("host"): // an empty one is refused, and is not "everything"
			gone, err = store.DeleteHost(ctx, host)
		default:
			var when history.Between
			if when, err = timeSpan(since, until); err == nil {
				gone, err = store.DeleteBetween(ctx, when)
			}
		}
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(gone)
		}
		return a.print("%s and %s deleted", plural(gone.Pages, "page"), plural(gone.Visits, "visit"))
	})
	return c
}

func deletePages(ctx context.Context, store *history.Engine, words []string) (gone history.Deleted, err error) {
	// All words are looked up first: a mistyped one deletes nothing.
	pages := make(map[string]struct{}, len(words))
	for _, word := range words {
		p, err := findPage(ctx, store, word)
		if err != nil {
			return gone, err
		}
		pages[p.URL] = struct{}{}
	}
	for url := range pages {
		d, err := store.DeleteURL(ctx, url)
		gone.Pages, gone.Visits = gone.Pages+d.Pages, gone.Visits+d.Visits
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// plural is a number with the right form of its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

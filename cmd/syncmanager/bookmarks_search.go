package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) bookmarksSearchCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "search WORD…",
		Short: "Find bookmarks by words in their titles, URLs, tags and keywords",
		Long: `Find bookmarks as you type: each WORD begins a word of the title, the URL, a tag
or the keyword. What you use most comes first.`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			found, err := store.Search(ctx, strings.Join(args, " "), limit)
			if err != nil {
				return err
			}
			return a.listFound(ctx, p, found)
		}),
	}
	registerLimit(c, &limit)
	c.ValidArgsFunction = cobra.NoFileCompletions
	return c
}

// registerLimit defines how many results a search prints.
func registerLimit(c *cobra.Command, limit *int) {
	c.Flags().IntVar(limit, "limit", 20, "print `N` at most")
	c.PreRunE = func(*cobra.Command, []string) error {
		if *limit < 1 {
			return errors.New("--limit must be at least 1")
		}
		return nil
	}
}

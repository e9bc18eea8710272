package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) historySearchCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "search WORD…",
		Short: "Find pages by words in their titles, URLs and bookmarks",
		Long: `Find pages as you type: each WORD begins a word of the title, the URL, or of a
bookmark of the page. What you use most comes first.`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.History(ctx)
			if err != nil {
				return err
			}
			found, err := store.Search(ctx, strings.Join(args, " "), limit)
			if err != nil {
				return err
			}
			return a.listPages(found)
		}),
	}
	registerLimit(c, &limit)
	c.ValidArgsFunction = cobra.NoFileCompletions
	return c
}

package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) historyTopCommand() *cobra.Command {
	var (
		limit  int
		except []string
	)
	c := &cobra.Command{
		Use:   "top",
		Short: "List the pages that you use most",
		Long: `List the pages that you use most often and most recently, with their scores: a visit
by a link is worth 50 points at first, a typed address or an opened bookmark 100,
and half of that after every 30 days.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := p.History(ctx)
			if err != nil {
				return err
			}
			top, err := store.Top(ctx, limit, 0, except...)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(append([]history.Ranked{}, top...))
			}
			if len(top) == 0 {
				a.Note("No pages.")
				return nil
			}
			t := term.Table{Head: []string{"SCORE", "LAST VISIT", "VISITS", "TITLE", "URL"}, Width: a.Width()}
			for _, r := range top {
				t.Add(strconv.FormatFloat(r.Score, 'f', 1, 64), a.moment(&r.LastVisit), term.Count(r.VisitCount), r.Title, r.URL)
			}
			return t.Print(a.Out)
		}),
	}
	registerLimit(c, &limit)
	c.Flags().StringSliceVar(&except, "except", nil, "leave out `HOST` and its subdomains; can be repeated")
	_ = c.RegisterFlagCompletionFunc("except", cobra.NoFileCompletions)
	return c
}

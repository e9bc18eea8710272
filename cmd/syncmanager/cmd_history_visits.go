package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) historyVisitsCommand() *cobra.Command {
	var (
		since, until usage.Time
		limit        int
		local        bool
	)
	c := &cobra.Command{
		Use:   "visits",
		Short: "List single visits, with how each came about",
		Long: `List single visits, the latest first: how each came about, whether it came with a sync,
and from which page.

` + usage.TimeHelp,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if limit < 0 {
				return errors.New("--limit must not be negative")
			}
			return nil
		},
	}
	registerBetween(c, &since, &until, "visits")
	c.Flags().IntVar(&limit, "limit", 50, "print at most `N`; 0 prints all")
	c.Flags().BoolVar(&local, "this-device", false, "leave out visits that came with a sync")
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
		when, err := timeSpan(since, until)
		if err != nil {
			return err
		}
		store, err := p.History(ctx)
		if err != nil {
			return err
		}
		visits := first(store.ListVisits(ctx, history.Visits{Between: when, OnlyLocal: local}), limit)
		if a.JSON {
			return term.PrintArray(a.JSONOut(), visits, func(v history.PageVisit) any { return v })
		}
		t := term.Table{Head: []string{"TIME", "HOW", "TITLE", "URL", "FROM"}, Width: a.Width()}
		for v, err := range visits {
			if err != nil {
				return err
			}
			how := history.Visit{Type: v.Type, Redirected: v.Redirected, Failed: v.Failed, Remote: v.Remote}
			t.Add(a.moment(&v.At), visitWords(how), v.Title, v.URL, v.Referrer)
		}
		if len(t.Rows) == 0 {
			a.Note("No visits.")
			return nil
		}
		return t.Print(a.Out)
	})
	return c
}

// visitWords says how a visit came about.
func visitWords(v history.Visit) string {
	how := transitionWord(v.Type)
	for _, also := range []struct {
		is   bool
		word string
	}{{v.Redirected, "redirected"}, {v.Failed, "failed"}, {v.Remote, "synced"}} {
		if also.is {
			how += ", " + also.word
		}
	}
	return how
}

func (a *app) historyClearCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "clear",
		Short: "Delete all pages on this device alone",
		Long: `Delete all of the history on this device alone. Other devices and the server keep
theirs, and later syncs do not bring back what was visited up to now. Visits that were
not sent yet are deleted too. Bookmarks stay. It cannot be undone.

To delete on all devices, use 'syncmanager history rm'.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := p.History(ctx)
			if err != nil {
				return err
			}
			gone, err := store.ClearLocal(ctx)
			if err != nil {
				return err
			}
			return a.printDeleted(gone)
		}),
	}
}

func (a *app) historyPruneCommand() *cobra.Command {
	var keep int
	c := &cobra.Command{
		Use:   "prune",
		Short: "Delete the oldest visits on this device alone, and shrink the file",
		Long: `Delete the oldest visits on this device alone, so that the newest stay, with the pages
that have no other visit; and give the disk back what the file of bookmarks and history
does not use. What was not sent yet stays, and so do bookmarks.`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if keep < 1 {
				return errors.New("--keep must be at least 1")
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := p.History(ctx)
			if err != nil {
				return err
			}
			var gone history.Deleted
			for {
				some, err := store.Prune(ctx, keep)
				gone.Pages, gone.Visits = gone.Pages+some.Pages, gone.Visits+some.Visits
				if err != nil {
					return err
				}
				if some.Visits == 0 {
					break
				}
			}
			if _, err := store.Maintain(ctx); err != nil {
				return err
			}
			return a.printDeleted(gone)
		}),
	}
	c.Flags().IntVar(&keep, "keep", 1_000_000, "keep the newest `N` visits")
	return c
}

// printDeleted says what was deleted from the history.
func (a *app) printDeleted(gone history.Deleted) error {
	if a.JSON {
		return a.PrintJSON(gone)
	}
	return a.Print("%s and %s deleted", plural(gone.Pages, "page"), plural(gone.Visits, "visit"))
}

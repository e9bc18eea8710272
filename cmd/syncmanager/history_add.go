package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/history"
)

// transitions are the words for how a visit came about.
var transitions = map[string]history.Transition{
	"link": history.Link, "typed": history.Typed, "bookmark": history.Bookmark, "embed": history.Embed,
	"redirect-permanent": history.RedirectPermanent, "redirect-temporary": history.RedirectTemporary,
	"download": history.Download, "framed-link": history.FramedLink, "reload": history.Reload,
}

// transitionWord is the word for t; "" for one of a later version.
func transitionWord(t history.Transition) string {
	for word, known := range transitions {
		if known == t {
			return word
		}
	}
	return ""
}

func (a *app) historyAddCommand() *cobra.Command {
	var (
		title, how string
		at         momentFlag
	)
	c := &cobra.Command{
		Use:               "add URL",
		Short:             "Note a visit of a page",
		Long:              "Note a visit of a page, now or at another time.\n\n" + momentHelp,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().StringVar(&title, "title", "", "the page's `TITLE`")
	c.Flags().Var(&at, "at", "when it was visited (default: now)")
	c.Flags().StringVar(&how, "type", "link", "`HOW` it came about: link, typed, bookmark, …")
	words := slices.Sorted(maps.Keys(transitions))
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		if err := checkURL(args[0]); err != nil {
			return err
		}
		if _, ok := transitions[how]; !ok {
			return fmt.Errorf("%q is not a type of visit: say one of %q", how, words)
		}
		return nil
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		store, err := p.History(ctx)
		if err != nil {
			return err
		}
		page, err := store.Add(ctx, args[0], title, history.Visit{At: at.Time, Type: transitions[how]})
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(page)
		}
		a.note("Added %s.", page.URL)
		return nil
	})
	return c
}

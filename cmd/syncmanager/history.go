package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/engines/history"
)

func (a *app) historyCommand() *cobra.Command {
	list := a.historyListCommand()
	noun := &cobra.Command{
		Use:   "history",
		Short: "List, search and delete the pages that were visited",
		Long: `List, search and delete the pages that were visited. Changes reach the other
devices with the next sync.

` + momentHelp,
		Args:    cobra.NoArgs,
		PreRunE: list.PreRunE,
		RunE:    list.RunE,
	}
	noun.Flags().AddFlagSet(list.Flags())
	noun.AddCommand(list, a.historySearchCommand(), a.historyAddCommand(), a.historyRemoveCommand(),
		a.historyImportCommand(), a.historyExportCommand())
	return noun
}

// registerBetween defines the flags that bound a time.
func registerBetween(c *cobra.Command, since, until *momentFlag, what string) {
	c.Flags().Var(since, "since", what+" from this time on")
	c.Flags().Var(until, "until", what+" before this time")
	for _, name := range []string{"since", "until"} {
		_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions([]string{"today", "yesterday", "7d", "30d"}, cobra.ShellCompDirectiveNoFileComp))
	}
}

func timeSpan(since, until momentFlag) (history.Between, error) {
	if !since.IsZero() && !until.IsZero() && !since.Before(until.Time) {
		return history.Between{}, usagef("--since is not before --until")
	}
	return history.Between{From: since.Time, To: until.Time}, nil
}

// findPage returns the page that the user means: a scheme may be left out.
func findPage(ctx context.Context, store *history.Engine, word string) (history.Page, error) {
	words := []string{word}
	if !strings.Contains(word, "://") {
		words = append(words, "https://"+word, "http://"+word)
	}
	for _, url := range words {
		if p, err := store.GetURL(ctx, url); !errors.Is(err, history.ErrNotFound) {
			return p, err
		}
	}
	return history.Page{}, fmt.Errorf("%w: %q", history.ErrNotFound, word)
}

// listPages prints pages in a table.
func (a *app) listPages(pages []history.Page) error {
	if a.json {
		return a.printJSON(append([]history.Page{}, pages...))
	}
	if len(pages) == 0 {
		a.note("No pages.")
		return nil
	}
	t := table{head: []string{"LAST VISIT", "VISITS", "TITLE", "URL"}, width: a.width()}
	for _, p := range pages {
		t.add(a.moment(&p.LastVisit), count(p.VisitCount), p.Title, p.URL)
	}
	return t.print(a.stdout)
}

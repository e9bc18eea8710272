package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) historyCommand() *cobra.Command {
	list := a.historyListCommand()
	c := &cobra.Command{
		Use:   "history",
		Short: "List, search and delete the pages that were visited",
		Long: `List, search and delete the pages that were visited. Changes reach the other
devices with the next sync.

` + usage.TimeHelp,
		Args:    cobra.NoArgs,
		PreRunE: list.PreRunE,
		RunE:    list.RunE,
	}
	c.Flags().AddFlagSet(list.Flags())
	c.AddCommand(list, a.historySearchCommand(), a.historyTopCommand(), a.historyVisitsCommand(), a.historyAddCommand(), a.historyRemoveCommand(),
		a.historyClearCommand(), a.historyPruneCommand(),
		a.historyImportCommand(), a.historyExportCommand())
	c.AddCommand(a.undoCommands("history", func(ctx context.Context, p *profile.Profile) (undoer, error) {
		return p.History(ctx)
	})...)
	return c
}

// registerBetween defines the flags --since and --until.
func registerBetween(c *cobra.Command, since, until *usage.Time, what string) {
	c.Flags().Var(since, "since", what+" from this time on")
	c.Flags().Var(until, "until", what+" before this time")
	for _, name := range []string{"since", "until"} {
		_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions([]string{"today", "yesterday", "7d", "30d"}, cobra.ShellCompDirectiveNoFileComp))
	}
}

func timeSpan(since, until usage.Time) (history.Between, error) {
	if !since.IsZero() && !until.IsZero() && !since.Before(until.Time) {
		return history.Between{}, usage.Errorf("--since must be before --until")
	}
	return history.Between{From: since.Time, To: until.Time}, nil
}

// findPage returns the page of a URL, which may lack its scheme.
func findPage(ctx context.Context, store *history.Engine, word string) (history.Page, error) {
	words := []string{word}
	if !strings.Contains(word, "://") {
		words = append(words, "https://"+word, "http://"+word)
	}
	for _, url := range words {
		if p, err := store.GetURL(ctx, url); !errors.Is(err, engine.ErrNotFound) {
			return p, err
		}
	}
	return history.Page{}, &engine.NotFoundError{Reason: fmt.Errorf("no such page in the history: %q", word)}
}

// listPages prints pages in a table.
func (a *app) listPages(pages []history.Page) error {
	if a.JSON {
		return a.PrintJSON(append([]history.Page{}, pages...))
	}
	if len(pages) == 0 {
		a.Note("No pages.")
		return nil
	}
	t := term.Table{Head: []string{"LAST VISIT", "VISITS", "TITLE", "URL"}, Width: a.Width()}
	for _, p := range pages {
		t.Add(a.moment(&p.LastVisit), term.Count(p.VisitCount), p.Title, p.URL)
	}
	return t.Print(a.Out)
}

func (a *app) historyListCommand() *cobra.Command {
	var (
		since, until usage.Time
		limit        int
	)
	c := &cobra.Command{
		Use:               "list [URL]",
		Short:             "List the pages that were visited, or one with all its visits",
		Long:              "List the pages that were visited, the latest first, or one with all its visits.\n\n" + usage.TimeHelp,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	registerBetween(c, &since, &until, "pages last visited")
	c.Flags().IntVar(&limit, "limit", 50, "print at most `N`; 0 prints all")
	c.PreRunE = func(c *cobra.Command, args []string) error {
		switch {
		case limit < 0:
			return errors.New("--limit must not be negative")
		case len(args) == 1 && (since.String() != "" || until.String() != ""):
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
		pages := first(store.ListBetween(ctx, when), limit)
		if a.JSON {
			return term.PrintArray(a.JSONOut(), pages, func(p history.Page) any { return p })
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

// first yields so many at most; 0: all.
func first[T any](all iter.Seq2[T, error], limit int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n := 0
		for one, err := range all {
			if n++; !yield(one, err) || n == limit {
				return
			}
		}
	}
}

func (a *app) showPage(ctx context.Context, store *history.Engine, word string) error {
	page, err := findPage(ctx, store, word)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON([]history.Page{page})
	}
	var t term.Table
	t.Add("ID", string(page.ID))
	t.Add("URL", page.URL)
	if page.Title != "" {
		t.Add("Title", page.Title)
	}
	if page.PreviewImage != "" {
		t.Add("Image", page.PreviewImage)
	}
	for i, v := range page.Visits {
		field := ""
		if i == 0 {
			field = "Visits"
		}
		how := a.moment(&v.At) + "  " + visitWords(v)
		if v.Referrer != "" {
			how += "  from " + v.Referrer
		}
		t.Add(field, how)
	}
	return t.Print(a.Out)
}

func (a *app) historySearchCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "search WORD…",
		Short: "Find pages by words in their titles, URLs and bookmarks",
		Long: `Find pages: each WORD must begin a word of the title, of the URL, or of a bookmark of
the page. Those that you use most come first.`,
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

// transitions are the words for the types of a visit.
var transitions = map[string]history.Transition{
	"link": history.Link, "typed": history.Typed, "bookmark": history.Bookmark, "embed": history.Embed,
	"redirect-permanent": history.RedirectPermanent, "redirect-temporary": history.RedirectTemporary,
	"download": history.Download, "framed-link": history.FramedLink, "reload": history.Reload,
}

// transitionWord returns the word for t; "" for one of a later version.
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
		title, how, referrer string
		at                   usage.Time
	)
	c := &cobra.Command{
		Use:               "add URL",
		Short:             "Add a visit of a page",
		Long:              "Add a visit of a page, now or at another time.\n\n" + usage.TimeHelp,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().StringVar(&title, "title", "", "the page's `TITLE`")
	c.Flags().Var(&at, "at", "when it was visited (default: now)")
	c.Flags().StringVar(&how, "type", "link", "the `TYPE` of the visit: link, typed, bookmark, …")
	c.Flags().StringVar(&referrer, "referrer", "", "the `URL` of the page that led there, if that is in the history")
	_ = c.RegisterFlagCompletionFunc("referrer", cobra.NoFileCompletions)
	words := slices.Sorted(maps.Keys(transitions))
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		if err := usage.CheckURL(args[0]); err != nil {
			return err
		}
		if _, ok := transitions[how]; !ok {
			return fmt.Errorf("%q is not a type of visit: choose one of %q", how, words)
		}
		return nil
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		store, err := p.History(ctx)
		if err != nil {
			return err
		}
		page, err := store.AddVisit(ctx, args[0], title, history.Visit{At: at.Time, Type: transitions[how], Referrer: referrer})
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(page)
		}
		a.Note("Added %s.", page.URL)
		return nil
	})
	return c
}

func (a *app) historyRemoveCommand() *cobra.Command {
	var (
		host         string
		since, until usage.Time
	)
	c := &cobra.Command{
		Use:   "rm URL… | --host HOST | --since TIME",
		Short: "Delete pages: by URL, of a host, or by the time of the visit",
		Long: `Delete pages here, and everywhere with the next sync: by URL, all pages of a host and
its subdomains, or those that were visited in a period. If a page was visited at
other times too, only its visits in the period are deleted, and only on this device.
'syncmanager history clear' deletes all of it on this device alone.

` + usage.TimeHelp,
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
			return errors.New("name what to delete in one way: URLs, --host, or --since and --until")
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
		case c.Flags().Changed("host"): // an empty host is refused, and does not mean all
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
		return a.printDeleted(gone)
	})
	return c
}

func deletePages(ctx context.Context, store *history.Engine, words []string) (gone history.Deleted, err error) {
	// All words are looked up first, so that a mistyped one deletes nothing.
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

// plural returns a number with the right form of its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return term.Count(n) + " " + noun
}

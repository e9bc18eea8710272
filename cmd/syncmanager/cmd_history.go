package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
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

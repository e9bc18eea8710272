package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) searchCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "search TEXT…",
		Short: "Find pages among the history and the bookmarks together",
		Long: `Find pages that were visited or bookmarked, as the address bar of a browser does. TEXT
is the keyword of a bookmark, with what to fill into its URL; a whole URL, with or
without its scheme and "www."; the beginning of an address; or words, of which each
begins a word of the title, the URL, or of a bookmark's title, tag or keyword.

What matches best comes first, and of these the pages that you use most.
'syncmanager history search' and 'syncmanager bookmarks search' find one kind.`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			file, err := p.Places(ctx)
			if err != nil {
				return err
			}
			open, err := openTabs(ctx, p)
			if err != nil {
				return err
			}
			found, err := file.Search(ctx, placesfile.Query{Text: strings.Join(args, " "), Limit: limit, Open: open})
			if err != nil {
				return err
			}
			return a.listResults(found)
		}),
	}
	registerLimit(c, &limit)
	c.ValidArgsFunction = cobra.NoFileCompletions
	return c
}

// openTabs returns the addresses of this device's tabs.
func openTabs(ctx context.Context, p *profile.Profile) (open []string, err error) {
	store, err := p.Tabs(ctx)
	if err != nil {
		return nil, err
	}
	for tab, err := range store.List(ctx) {
		if err != nil {
			return nil, err
		}
		open = append(open, tab.URLHistory[:min(1, len(tab.URLHistory))]...)
	}
	return open, nil
}

func (a *app) listResults(found []placesfile.Result) error {
	if a.JSON {
		return a.PrintJSON(append([]placesfile.Result{}, found...))
	}
	if len(found) == 0 {
		a.Note("No pages.")
		return nil
	}
	t := term.Table{Head: []string{"LAST VISIT", "KEPT", "TITLE", "URL", "TAGS"}, Width: a.Width()}
	for _, r := range found {
		var kept, tags []string
		if r.Bookmark != nil {
			kept, tags = append(kept, "bookmark"), r.Bookmark.Tags
		}
		if r.Open {
			kept = append(kept, "tab")
		}
		t.Add(a.moment(&r.LastVisit), strings.Join(kept, ", "), r.Title, r.URL, hashes(tags))
	}
	return t.Print(a.Out)
}

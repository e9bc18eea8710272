package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksEditCommand() *cobra.Command {
	var title, url, keyword string
	c := &cobra.Command{
		Use:               "edit ITEM",
		Short:             "Change a bookmark's title, URL or keyword, or a folder's title",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeItems,
	}
	flags := c.Flags()
	flags.StringVar(&title, "title", "", "the new `TITLE`")
	flags.StringVar(&url, "url", "", "the new `URL`; tags and keyword go with it")
	flags.StringVar(&keyword, "keyword", "", "the `WORD` that leads to it when typed; \"\" takes it away")
	var change bookmarks.Change
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		for name, field := range map[string]struct {
			to   **string
			from *string
		}{"title": {&change.Title, &title}, "url": {&change.URL, &url}, "keyword": {&change.Keyword, &keyword}} {
			if c.Flags().Changed(name) {
				*field.to = field.from
			}
		}
		if change == (bookmarks.Change{}) {
			return errors.New("name a field to change")
		}
		if change.URL != nil {
			return checkURL(url)
		}
		return nil
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		it, err := p.FindBookmark(ctx, args[0])
		if err != nil {
			return err
		}
		store, err := p.Bookmarks(ctx)
		if err != nil {
			return err
		}
		if it, err = store.Edit(ctx, it.GUID, change); err != nil {
			return err
		}
		return a.bookmarkSaved(ctx, p, "Changed", it)
	})
	return c
}

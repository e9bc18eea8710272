package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksAddCommand() *cobra.Command {
	var (
		it                bookmarks.Item
		in, title, folder string
		separator         bool
		at                int
	)
	c := &cobra.Command{
		Use:   "add URL | --folder NAME | --separator",
		Short: "Add a bookmark, a folder or a separator",
		Long: `Add a bookmark, a folder or a separator, as the last one of a folder: with --in
of that one, without of "unfiled", which browsers show as Other Bookmarks.`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := c.Flags()
	flags.StringVar(&title, "title", "", "the bookmark's `TITLE`")
	flags.StringSliceVar(&it.Tags, "tag", nil, "give it the `TAG`; more with commas")
	flags.StringVar(&it.Keyword, "keyword", "", "the `WORD` that leads to it when typed as an address")
	flags.StringVar(&folder, "folder", "", "add a folder of that `NAME`")
	flags.BoolVar(&separator, "separator", false, "add a separator")
	registerPlace(c, &in, &at)
	_ = c.RegisterFlagCompletionFunc("in", a.completeFolders)
	_ = c.RegisterFlagCompletionFunc("tag", a.completeTags)
	c.ValidArgsFunction = cobra.NoFileCompletions
	c.PreRunE = func(c *cobra.Command, args []string) error {
		isFolder := c.Flags().Changed("folder")
		kinds := len(args)
		for _, given := range []bool{isFolder, separator} {
			if given {
				kinds++
			}
		}
		switch {
		case kinds != 1:
			return errors.New("name one thing to add: a URL, --folder or --separator")
		case len(args) == 0 && (title != "" || it.Tags != nil || it.Keyword != ""):
			return errors.New("--title, --tag and --keyword go with a URL")
		case len(args) == 1:
			if err := checkURL(args[0]); err != nil {
				return err
			}
			it.Kind, it.URL, it.Title = bookmarks.Bookmark, args[0], title
		case isFolder:
			it.Kind, it.Title = bookmarks.Folder, folder
		default:
			it.Kind = bookmarks.Separator
		}
		return checkPlace(c, at)
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
		store, err := p.Bookmarks(ctx)
		if err != nil {
			return err
		}
		parent, err := p.FindFolder(ctx, in)
		if err != nil {
			return err
		}
		it.Parent = parent.GUID
		if it, err = store.Add(ctx, it, at); err != nil {
			return err
		}
		return a.bookmarkSaved(ctx, p, "Added", it)
	})
	return c
}

// registerPlace defines the flags that say where an item goes.
func registerPlace(c *cobra.Command, in *string, at *int) {
	if in != nil {
		c.Flags().StringVar(in, "in", string(bookmarks.WireID(bookmarks.Unfiled)), "the `FOLDER` that it goes into")
	}
	c.Flags().IntVar(at, "at", bookmarks.End, "its `POSITION` there, from 0 (default: the last)")
	c.Flag("at").DefValue = "0" // keeps it out of the help
}

func checkPlace(c *cobra.Command, at int) error {
	if c.Flags().Changed("at") && at < 0 {
		return errors.New("--at must not be negative: 0 is the first place")
	}
	return nil
}

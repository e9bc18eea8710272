package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/profile"
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
		Long: `Add a bookmark, a folder or a separator as the last item of a folder: that of --in, by
default "unfiled", which browsers show as Other Bookmarks.`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := c.Flags()
	flags.StringVar(&title, "title", "", "the bookmark's `TITLE`")
	flags.StringSliceVar(&it.Tags, "tag", nil, "add this `TAG`; separate several with commas")
	flags.StringVar(&it.Keyword, "keyword", "", "the `WORD` that opens it when typed as an address")
	flags.StringVar(&folder, "folder", "", "add a folder with this `NAME`")
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
			if err := usage.CheckURL(args[0]); err != nil {
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
		it.Parent = parent.ID
		if it, err = store.Insert(ctx, it, at); err != nil {
			return err
		}
		return a.bookmarkSaved(ctx, p, "Added", it)
	})
	return c
}

// registerPlace defines the flags for the place of an item.
func registerPlace(c *cobra.Command, in *string, at *int) {
	if in != nil {
		c.Flags().StringVar(in, "in", string(bookmarks.WireID(bookmarks.Unfiled)), "put it into this `FOLDER`")
	}
	c.Flags().IntVar(at, "at", bookmarks.End, "its `POSITION` there, from 0; by default the last")
	c.Flag("at").DefValue = "0" // keeps it out of the help
}

func checkPlace(c *cobra.Command, at int) error {
	if c.Flags().Changed("at") && at < 0 {
		return errors.New("--at must not be negative: 0 is the first place")
	}
	return nil
}

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
	flags.StringVar(&keyword, "keyword", "", "the `WORD` that opens it when typed; \"\" removes it")
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
			return usage.CheckURL(url)
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
		if it, err = store.UpdateFields(ctx, it.ID, change); err != nil {
			return err
		}
		return a.bookmarkSaved(ctx, p, "Changed", it)
	})
	return c
}

func (a *app) bookmarksMoveCommand() *cobra.Command {
	var at int
	c := &cobra.Command{
		Use:   "mv ITEM… FOLDER",
		Short: "Move items into a folder, or to another position",
		Args:  cobra.MinimumNArgs(2),
		PreRunE: func(c *cobra.Command, _ []string) error {
			return checkPlace(c, at)
		},
		ValidArgsFunction: a.completeItems,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			last := len(args) - 1
			items, err := a.findBookmarks(ctx, p, args[:last])
			if err != nil {
				return err
			}
			folder, err := p.FindFolder(ctx, args[last])
			if err != nil {
				return err
			}
			return a.moveBookmarks(ctx, p, items, folder, at)
		}),
	}
	registerPlace(c, nil, &at)
	return c
}

func (a *app) moveBookmarks(ctx context.Context, p *profile.Profile, items []bookmarks.Item, folder bookmarks.Item, at int) error {
	store, err := p.Bookmarks(ctx)
	if err != nil {
		return err
	}
	for i, it := range items {
		if err := store.Move(ctx, it.ID, folder.ID, at); err != nil {
			return err
		}
		if items[i], err = store.Get(ctx, it.ID); err != nil {
			return err
		}
		if at != bookmarks.End {
			at = items[i].Position + 1
		}
		if !a.JSON {
			if err := a.bookmarkSaved(ctx, p, "Moved", items[i]); err != nil {
				return err
			}
		}
	}
	if a.JSON {
		return a.PrintJSON(bookmarksToJSON(items))
	}
	return nil
}

// findBookmarks finds all items before any is changed, so that a mistyped word changes
// nothing. An item that two words name is found once.
func (a *app) findBookmarks(ctx context.Context, p *profile.Profile, words []string) ([]bookmarks.Item, error) {
	var items []bookmarks.Item
	for _, word := range words {
		found, err := p.FindBookmark(ctx, word)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(items, func(it bookmarks.Item) bool { return it.ID == found.ID }) {
			items = append(items, found)
		}
	}
	return items, nil
}

func (a *app) bookmarksRemoveCommand() *cobra.Command {
	var recursive bool
	c := &cobra.Command{
		Use:               "rm ITEM…",
		Short:             "Delete items here, and everywhere with the next sync",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeItems,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			items, err := a.findBookmarks(ctx, p, args)
			if err != nil {
				return err
			}
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			folders, err := removeItems(ctx, p, store, items, recursive)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(bookmarksToJSON(items))
			}
			for i, it := range items {
				if err := a.tellBookmark("Deleted", it, folders[i]); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	c.Flags().BoolVarP(&recursive, "recursive", "r", false, "delete folders with all their items")
	return c
}

// removeItems removes items of the tree, and returns the paths of the folders they were in.
func removeItems(ctx context.Context, p *profile.Profile, store *bookmarks.Engine, items []bookmarks.Item, recursive bool) ([]string, error) {
	folders := make([]string, len(items))
	ids := make([]engine.ID, len(items))
	for i, it := range items {
		ids[i] = it.ID
		var err error
		if folders[i], err = p.BookmarkPath(ctx, it.Parent); err != nil {
			return nil, err
		}
		if recursive {
			continue
		}
		if err := mayRemoveAlone(ctx, store, it, folders[i]); err != nil {
			return nil, err
		}
	}
	_, err := store.DeleteMany(ctx, ids)
	return folders, err
}

// mayRemoveAlone returns an error for a folder with items. Roots are left to the store.
func mayRemoveAlone(ctx context.Context, store *bookmarks.Engine, it bookmarks.Item, in string) error {
	below, err := store.Children(ctx, it.ID)
	switch {
	case errors.Is(err, bookmarks.ErrNotFolder):
		return nil
	case err == nil && len(below) > 0 && !bookmarks.IsRoot(it.ID):
		return fmt.Errorf("%s/%s is not empty; --recursive deletes it with all its items", in, label(it))
	}
	return err
}

func (a *app) bookmarksTagCommand() *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use:   "tag [ITEM TAG…]",
		Short: "Add tags to a bookmark, remove them, or list all tags",
		Long: `Add tags to a bookmark, or remove them. Tags belong to the page: other bookmarks of
its URL have them too. Without ITEM, list all tags.`,
		PreRunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 || remove && len(args) == 0 {
				return errors.New("name a bookmark and its tags")
			}
			return nil
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return a.completeItems(c, args, word)
			}
			return a.completeTags(c, args, word)
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			if len(args) == 0 {
				return a.listTags(ctx, p)
			}
			return a.changeTags(ctx, p, args[0], args[1:], remove)
		}),
	}
	c.Flags().BoolVar(&remove, "remove", false, "remove the tags")
	return c
}

// changeTags adds tags to the bookmark that a word names, or removes them.
func (a *app) changeTags(ctx context.Context, p *profile.Profile, word string, tags []string, remove bool) error {
	it, err := p.FindBookmark(ctx, word)
	if err != nil {
		return err
	}
	store, err := p.Bookmarks(ctx)
	if err != nil {
		return err
	}
	change := store.Tag
	if remove {
		change = store.Untag
	}
	if err := change(ctx, it.ID, tags...); err != nil {
		return err
	}
	if it, err = store.Get(ctx, it.ID); err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(bookmarkToJSON(it))
	}
	return a.Print("%s  %s  %s", profile.ShortID(it.ID), label(it), cmp.Or(hashes(it.Tags), "no tags"))
}

func (a *app) listTags(ctx context.Context, p *profile.Profile) error {
	store, err := p.Bookmarks(ctx)
	if err != nil {
		return err
	}
	tags, err := store.Tags(ctx)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(append([]string{}, tags...))
	}
	if len(tags) == 0 {
		a.Note("No tags.")
	}
	for _, tag := range tags {
		if err := a.Print("%s", tag); err != nil {
			return err
		}
	}
	return nil
}

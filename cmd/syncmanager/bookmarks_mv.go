package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksMoveCommand() *cobra.Command {
	var at int
	c := &cobra.Command{
		Use:   "mv ITEM… FOLDER",
		Short: "Move items into a folder, or to another position of theirs",
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
		if err := store.Move(ctx, it.GUID, folder.GUID, at); err != nil {
			return err
		}
		if items[i], err = store.Get(ctx, it.GUID); err != nil {
			return err
		}
		if at != bookmarks.End {
			at = items[i].Position + 1
		}
		if !a.json {
			if err := a.bookmarkSaved(ctx, p, "Moved", items[i]); err != nil {
				return err
			}
		}
	}
	if a.json {
		return a.printJSON(bookmarksToJSON(items))
	}
	return nil
}

// findBookmarks looks all words up before anything is done: a mistyped one does
// nothing. An item that two words name is there once.
func (a *app) findBookmarks(ctx context.Context, p *profile.Profile, words []string) ([]bookmarks.Item, error) {
	var items []bookmarks.Item
	for _, word := range words {
		found, err := p.FindBookmark(ctx, word)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(items, func(it bookmarks.Item) bool { return it.GUID == found.GUID }) {
			items = append(items, found)
		}
	}
	return items, nil
}

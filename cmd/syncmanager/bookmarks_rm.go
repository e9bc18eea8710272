package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksRemoveCommand() *cobra.Command {
	var recursive bool
	c := &cobra.Command{
		Use:               "rm ITEM…",
		Short:             "Delete items, here and with the next sync everywhere",
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
			guids := make([]engine.ID, len(items))
			folders := make([]string, len(items))
			for i, it := range items {
				guids[i] = it.GUID
				if folders[i], err = p.BookmarkPath(ctx, it.Parent); err != nil {
					return err
				}
				if it.Kind != bookmarks.Folder || recursive || bookmarks.IsRoot(it.GUID) {
					continue
				}
				below, err := store.Children(ctx, it.GUID)
				if err != nil {
					return err
				}
				if len(below) > 0 {
					return fmt.Errorf("%s is not empty; --recursive deletes it with what is below it", folders[i]+"/"+label(it))
				}
			}
			if _, err := store.Remove(ctx, guids...); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(bookmarksToJSON(items))
			}
			for i, it := range items {
				if err := a.tellBookmark("Deleted", it, folders[i]); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	c.Flags().BoolVarP(&recursive, "recursive", "r", false, "delete folders with all that is below them")
	return c
}

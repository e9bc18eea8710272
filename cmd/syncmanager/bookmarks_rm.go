package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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
			folders := make([]string, len(items))
			depths := make(map[engine.ID]int, len(items))
			for i, it := range items {
				path, err := store.Path(ctx, it.GUID)
				if err != nil {
					return err
				}
				depths[it.GUID] = len(path)
				if folders[i], err = p.BookmarkPath(ctx, it.Parent); err != nil {
					return err
				}
				below, err := store.Children(ctx, it.GUID)
				switch {
				case errors.Is(err, bookmarks.ErrNotFolder):
				case err != nil:
					return err
				case len(below) > 0 && !recursive && !bookmarks.IsRoot(it.GUID):
					return fmt.Errorf("%s/%s is not empty; --recursive deletes it with what is below it", folders[i], label(it))
				}
			}
			// The deepest go first: what is named may be below what is named too.
			guids := slices.SortedFunc(maps.Keys(depths), func(a, b engine.ID) int { return cmp.Compare(depths[b], depths[a]) })
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

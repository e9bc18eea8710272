package main

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/extstorage"
)

func (a *app) storageRemoveCommand(n *noun[extstorage.Item]) *cobra.Command {
	return &cobra.Command{
		Use:               "rm EXT [KEY…]",
		Short:             "Delete keys, or all that the add-on keeps, here and with the next sync everywhere",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeKeys,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, r, err := findExtension(ctx, p, args[0])
			if err != nil {
				return err
			}
			names := args[1:]
			for _, key := range names {
				if err := hasKey(&r, key); err != nil {
					return err
				}
			}
			area := store.Of(r.ExtID)
			if len(names) > 0 {
				err = area.Remove(ctx, names...)
			} else {
				names, err = slices.Sorted(maps.Keys(r.Data)), area.Clear(ctx)
			}
			if err != nil {
				return err
			}
			found := []extstorage.Item{}
			for _, key := range names {
				found = append(found, extstorage.Item{ExtID: r.ExtID, Key: key, Value: r.Data[key]})
			}
			return n.each(a, found, "Deleted", func(*extstorage.Item) error { return nil })
		}),
	}
}

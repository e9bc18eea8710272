package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/extstorage"
)

func (a *app) storageAddCommand(n *noun[extstorage.Item]) *cobra.Command {
	return &cobra.Command{
		Use:               "add EXT KEY JSON",
		Short:             "Add one key; EXT is the add-on's whole ID",
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeKeys,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := n.open(p, ctx)
			if err != nil {
				return err
			}
			i, err := store.Add(ctx, extstorage.Item{ExtID: args[0], Key: args[1], Value: json.RawMessage(args[2])})
			if err != nil {
				return n.duplicate(err)
			}
			return n.said(a, "Added", i)
		}),
	}
}

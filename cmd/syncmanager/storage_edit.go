package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/extstorage"
)

func (a *app) storageEditCommand(n *noun[extstorage.Item]) *cobra.Command {
	return &cobra.Command{
		Use:               "edit EXT KEY JSON",
		Short:             "Change the value of one key",
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeKeys,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, r, err := findExtension(ctx, p, args[0])
			if err != nil {
				return err
			}
			if err := hasKey(&r, args[1]); err != nil {
				return err
			}
			i, err := store.Items().Update(ctx, extstorage.Item{ExtID: r.ExtID, Key: args[1], Value: json.RawMessage(args[2])})
			if err != nil {
				return err
			}
			return n.said(a, "Changed", i)
		}),
	}
}

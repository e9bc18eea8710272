package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/addons"
)

func (a *app) addonsSetCommand(n *noun[addons.Addon], verb, done string, enabled bool) *cobra.Command {
	return &cobra.Command{
		Use:               verb + " ADD-ON…",
		Short:             "Have your browsers " + verb + " add-ons",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: n.complete(a, true),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, found, err := n.findAll(ctx, p, args)
			if err != nil {
				return err
			}
			return n.each(a, found, done, func(x *addons.Addon) (err error) {
				x.Enabled = enabled
				*x, err = store.Update(ctx, *x)
				return err
			})
		}),
	}
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) tabsCloseCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "close URL",
		Short:             "Take a page from this device's tabs",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeTabs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Tabs(ctx)
			if err != nil {
				return err
			}
			if err := store.CloseTab(ctx, args[0]); err != nil {
				return err
			}
			return a.tabChanged("Closed", args[0])
		}),
	}
}

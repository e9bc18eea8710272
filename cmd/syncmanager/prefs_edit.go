package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/prefs"
)

func (a *app) prefsEditCommand(n *noun[prefs.Pref]) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:               "edit NAME VALUE",
		Short:             "Change one preference",
		Long:              "Change one preference. It keeps its type, unless --type names another.",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: n.complete(a, false),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, x, err := n.find(ctx, p, args[0])
			if err != nil {
				return err
			}
			if err := parsePref(&x, args[1], kind, prefs.TypeOf(x.Value)); err != nil {
				return err
			}
			if x, err = store.Update(ctx, x); err != nil {
				return err
			}
			return n.said(a, "Changed", x)
		}),
	}
	registerPrefType(c, &kind)
	return c
}

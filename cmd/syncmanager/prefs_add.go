package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/prefs"
)

func (a *app) prefsAddCommand(n *noun[prefs.Pref]) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:   "add NAME VALUE",
		Short: "Add one preference, or set one that was reset",
		Long: `Add one preference, or set one that was reset. true and false are taken for a
bool, whole numbers for an int, and all else for a string; --type says otherwise.
A browser takes no value of another type than the preference has there.`,
		Args: cobra.ExactArgs(2),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := n.open(p, ctx)
			if err != nil {
				return err
			}
			x := prefs.Pref{Name: args[0]}
			if err := parsePref(&x, args[1], kind, prefs.Other); err != nil {
				return err
			}
			if x, err = store.Add(ctx, x); err != nil {
				return n.duplicate(err)
			}
			return n.said(a, "Added", x)
		}),
	}
	registerPrefType(c, &kind)
	return c
}

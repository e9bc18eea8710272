package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func (a *app) passwordsRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "rm LOGIN…",
		Short:             "Delete logins, here and with the next sync everywhere",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeLogins,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			// All words are looked up first: a mistyped one deletes nothing.
			var logins []passwords.Login
			for _, word := range args {
				l, err := p.FindLogin(ctx, word)
				if err != nil {
					return err
				}
				logins = append(logins, l)
			}
			store, err := p.Passwords(ctx)
			if err != nil {
				return err
			}
			deleted := []loginJSON{}
			for _, l := range logins {
				if err := store.Delete(ctx, l.ID); err != nil {
					return err
				}
				deleted = append(deleted, toJSON(l, false))
				if !a.json {
					if err := a.saved("Deleted", l); err != nil {
						return err
					}
				}
			}
			if a.json {
				return a.printJSON(deleted)
			}
			return nil
		}),
	}
}

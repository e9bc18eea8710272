package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) logoutCommand() *cobra.Command {
	var wipe bool
	c := &cobra.Command{
		Use:   "logout",
		Short: "Sign out of the account; the data stays on this device",
		Args:  cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			account := p.Account()
			untold, err := p.SignOut(ctx, wipe)
			if err != nil {
				return err
			}
			if untold != nil {
				a.Note("The server could not be told (%s), but this device is signed out. Another device can remove it from the account.", sentence(untold))
			}
			if a.JSON {
				return a.PrintJSON(struct {
					Account    *profile.Account `json:"account"`
					ServerTold bool             `json:"serverTold"`
					Wiped      bool             `json:"wiped"`
				}{account, account != nil && untold == nil, wipe})
			}
			kept := "Its data is kept."
			if wipe {
				kept = "Its data is deleted from this device."
			}
			if account == nil {
				a.Note("This profile was not signed in. %s", kept)
			} else {
				a.Note("Signed out of the account. %s", kept)
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&wipe, "wipe", false, "delete the data from this device too")
	return c
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) logoutCommand() *cobra.Command {
	var wipe bool
	c := &cobra.Command{
		Use:   "logout",
		Short: "Leave the account; the data stays on this device",
		Args:  cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			account := p.Account()
			untold, err := p.SignOut(ctx, wipe)
			if err != nil {
				return err
			}
			if untold != nil {
				a.Note("The server could not be told (%s); this device left all the same. Another device can remove it from the account.", sentence(untold))
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
				kept = "Its data is gone from this device."
			}
			if account == nil {
				a.Note("This profile was not signed in. %s", kept)
			} else {
				a.Note("Left the account. %s", kept)
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&wipe, "wipe", false, "remove the data from this device too")
	return c
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) loginCommand() *cobra.Command {
	var (
		in        profile.SignIn
		fromStdin bool
	)
	c := &cobra.Command{
		Use:   "login --server URL --email ADDRESS",
		Short: "Join an account on a server",
		Long: `Join an account on a server, or make one there with --create. The data of this
profile stays; the next sync brings it and the account's together.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) (err error) {
			if in.Password, err = a.secret(ctx, "password", fromStdin, in.Create); err != nil {
				return err
			}
			if err := p.SignIn(ctx, in); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(p.Account())
			}
			a.note("Signed in as %s. 'syncmanager sync' syncs.", p.Account().Email)
			return nil
		}),
	}
	flags := c.Flags()
	flags.StringVar(&in.Server, "server", "", "root `URL` of the server")
	flags.StringVar(&in.Email, "email", "", "the account's e-mail `ADDRESS`")
	flags.BoolVar(&fromStdin, "password-stdin", false, "read the password from the first line of stdin")
	flags.BoolVar(&in.Create, "create", false, "make the account")
	flags.StringVar(&in.DeviceName, "device-name", "", "what other devices call this one")
	_ = c.MarkFlagRequired("server")
	_ = c.MarkFlagRequired("email")
	return c
}

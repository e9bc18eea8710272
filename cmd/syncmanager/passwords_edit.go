package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) passwordsEditCommand() *cobra.Command {
	var (
		f   loginFlags
		ask bool
	)
	c := &cobra.Command{
		Use:               "edit LOGIN",
		Short:             "Change the fields of a login that flags name",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLogins,
	}
	f.register(c)
	c.Flags().BoolVar(&ask, "password", false, "ask for a new password on the terminal")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if err := anyFlag(c, nil); err != nil {
			return err
		}
		return f.check(ask)
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		l, err := p.FindLogin(ctx, args[0])
		if err != nil {
			return err
		}
		f.apply(c, &l)
		if ask || f.fromStdin || f.generate {
			if l.Password, err = a.newPassword(ctx, f); err != nil {
				return err
			}
		}
		store, err := p.Passwords(ctx)
		if err != nil {
			return err
		}
		if l, err = store.Update(ctx, l); err != nil {
			return err
		}
		return a.saved("Changed", l)
	})
	return c
}

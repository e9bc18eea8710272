package main

import (
	"context"
	"crypto/rand"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func (a *app) passwordsAddCommand() *cobra.Command {
	var f loginFlags
	c := &cobra.Command{
		Use:   "add --url URL --username NAME",
		Short: "Add a login",
		Args:  cobra.NoArgs,
	}
	f.register(c)
	_ = c.MarkFlagRequired("url")
	c.PreRunE = func(*cobra.Command, []string) error { return f.check(false) }
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
		store, err := p.Passwords(ctx)
		if err != nil {
			return err
		}
		var l passwords.Login
		f.apply(c, &l)
		if l.Password, err = a.newPassword(ctx, f); err != nil {
			return err
		}
		if l, err = store.Add(ctx, l); err != nil {
			return err
		}
		return a.saved("Added", l)
	})
	return c
}

func (a *app) newPassword(ctx context.Context, f loginFlags) (string, error) {
	if f.generate {
		return profile.GeneratePassword(rand.Reader)
	}
	return a.secret(ctx, "password", f.fromStdin, true)
}

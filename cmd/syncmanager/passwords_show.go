package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) passwordsShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show LOGIN",
		Short:             "Show one login with its password",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLogins,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			l, err := p.FindLogin(ctx, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(toJSON(l, true))
			}
			var t table
			for _, field := range [][2]string{
				{"ID", string(l.ID)}, {"Site", l.Hostname}, {"Realm", l.HTTPRealm}, {"Form", l.FormSubmitURL},
				{"Username", l.Username}, {"Password", l.Password},
				{"Created", day(l.TimeCreated)}, {"Changed", day(l.TimePasswordChanged)}, {"Last used", day(l.TimeLastUsed)},
			} {
				if field[1] != "" {
					t.add(field[0], field[1])
				}
			}
			return t.print(a.stdout)
		}),
	}
}

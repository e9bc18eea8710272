package main

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func (a *app) passwordsListCommand() *cobra.Command {
	var show bool
	c := &cobra.Command{
		Use:   "list [WORD]",
		Short: "List passwords; those whose site or username contains WORD",
		Args:  cobra.MaximumNArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Passwords(ctx)
			if err != nil {
				return err
			}
			word := ""
			if len(args) == 1 {
				word = args[0]
			}
			return a.listLogins(store.Find(ctx, word), show)
		}),
	}
	c.Flags().BoolVar(&show, "show-passwords", false, "print the passwords too")
	return c
}

func (a *app) listLogins(logins iter.Seq2[passwords.Login, error], show bool) error {
	if a.json {
		return printArray(a.jsonOut(), logins, func(l passwords.Login) any { return toJSON(l, show) })
	}
	t := table{head: []string{"ID", "SITE", "USERNAME", "CHANGED"}, width: a.width()}
	if show {
		t.head = append(t.head, "PASSWORD")
	}
	for l, err := range logins {
		if err != nil {
			return err
		}
		site := l.Hostname
		if l.HTTPRealm != "" {
			site += " (" + l.HTTPRealm + ")"
		}
		row := []string{profile.ShortID(l.ID), site, l.Username, day(l.TimePasswordChanged)}
		if show {
			row = append(row, l.Password)
		}
		t.add(row...)
	}
	if len(t.rows) == 0 {
		a.note("No passwords.")
		return nil
	}
	return t.print(a.stdout)
}

package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/admin"
)

func (o *operator) adminCommand() *cobra.Command {
	var revoke bool
	c := &cobra.Command{
		Use:   "admin",
		Short: "Open the operator's pages of the running server in a browser",
		Long: `Print a link to the operator's pages of the running server, /admin: its users, health,
invitations, quotas, security log, and backups. The link opens them once, within ten
minutes, and gives whoever opens it all of an operator's rights for up to eight hours,
or until nothing was done for half an hour.

Instead of links, an account can be an operator's: see 'syncmanager server admin add'.
It signs in at /admin with its password and the code of two-step sign-in, without which
it is refused. Until there is an operator or a link, /admin does not exist.

--revoke signs everybody out of these pages, and makes the links that were not used
void.`,
		Args: cobra.NoArgs,
		RunE: o.do(func(c *cobra.Command, _ []string) error {
			if revoke {
				return o.with(c.Context(), o.revokeAdmin)
			}
			return o.onRunning(c.Context(), o.adminLink)
		}),
	}
	c.Flags().BoolVar(&revoke, "revoke", false, "sign everybody out, and void the links")
	c.AddCommand(o.adminAddCommand(), o.adminRmCommand(), o.adminListCommand())
	return c
}

// onRunning runs work on the running server.
func (o *operator) onRunning(ctx context.Context, work func(context.Context, admin.Admin) error) (err error) {
	if o.dir, err = serve.DataDir(o.dir, o.getenv); err != nil {
		return err
	}
	running, err := admin.Dial(ctx, o.dir)
	if errors.Is(err, admin.ErrNotRunning) {
		return errors.New("no server is running on " + o.dir + ": start it with 'syncmanager serve', which answers under the link")
	}
	if err != nil {
		return err
	}
	return work(ctx, running)
}

func (o *operator) adminLink(ctx context.Context, s admin.Admin) error {
	link, expires, err := s.OperatorLink(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		return o.PrintJSON(struct {
			Link    string    `json:"link"`
			Expires time.Time `json:"expires"`
		}{link, expires.UTC()})
	}
	o.Note("Open this in a browser before %s; it works once:", expires.Local().Format(time.TimeOnly))
	return o.Print("%s", link)
}

func (o *operator) revokeAdmin(ctx context.Context, s admin.Admin) error {
	n, err := s.EndOperatorSessions(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		return o.PrintJSON(struct {
			Sessions int `json:"sessions"`
		}{n})
	}
	o.Note("%s signed out of the operator's pages; links that were not used are void.", plural(n, "browser"))
	return nil
}

func (o *operator) adminAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "add USER",
		Short: "Let an account sign in to the operator's pages",
		Long: `Let the account with the e-mail address or uid USER sign in to the operator's pages. It
needs two-step sign-in, which its user turns on in the settings.`,
		Args: cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			added, err := s.AddOperator(ctx, args[0])
			if err != nil {
				return err
			}
			if o.JSON {
				added.Added = added.Added.UTC()
				return o.PrintJSON(added)
			}
			o.Note("%s is an operator.", added.Email)
			if !added.SecondStep {
				o.Note("It cannot sign in at /admin until two-step sign-in is turned on for it, at /settings.")
			}
			return nil
		}),
	}
}

func (o *operator) adminRmCommand() *cobra.Command {
	return o.userChange("rm USER", "End an account's right to the operator's pages", "%s is no longer an operator.",
		func(ctx context.Context, s admin.Admin, who string) error { return s.RemoveOperator(ctx, who) })
}

func (o *operator) adminListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the accounts that are operators'",
		Args:  cobra.NoArgs,
		RunE: o.on(func(ctx context.Context, s admin.Admin, _ []string) error {
			all, err := s.Operators(ctx)
			if err != nil {
				return err
			}
			if o.JSON {
				if all == nil {
					all = []accounts.Operator{}
				}
				for i := range all {
					all[i].Added = all[i].Added.UTC()
				}
				return o.PrintJSON(all)
			}
			if len(all) == 0 {
				o.Note("No operators; 'syncmanager server admin add USER' adds one.")
				return nil
			}
			t := term.Table{Head: []string{"USER", "ADDED", "TWO-STEP"}, Width: o.Width()}
			for _, a := range all {
				step := "off: cannot sign in"
				if a.SecondStep {
					step = "on"
				}
				t.Add(a.Email, lastDay(a.Added), step)
			}
			return t.Print(o.Out)
		}),
	}
}

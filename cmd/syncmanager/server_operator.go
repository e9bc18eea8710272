package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/admin"
)

func (o *operator) userSecondStepCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove-second-step USER",
		Short: "Take away the second step of a user who lost the device and the backup codes",
		Long: `Take away the second step of a user who lost the device for it and the backup
codes. Be sure that it is the user who asks: the password alone is enough to sign in
from then on. The user is told by e-mail, where 'serve' has a mail host.`,
		Args: cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			told, err := s.RemoveSecondStep(ctx, args[0])
			if err != nil {
				return err
			}
			if o.json {
				return o.printJSON(struct {
					User string `json:"user"`
					Told bool   `json:"told"`
				}{args[0], told})
			}
			o.note("%s signs in with the password alone now.", args[0])
			if !told {
				o.note("No e-mail was sent: tell the user yourself.")
			}
			return nil
		}),
	}
}

func (o *operator) inviteListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the invitations, and who used them",
		Long: `List the invitations that are good, and those that accounts were made with. The
codes are not kept, so that an ID stands for each.`,
		Args: cobra.NoArgs,
		RunE: o.on(func(ctx context.Context, s admin.Admin, _ []string) error {
			all, err := s.Invitations(ctx)
			if err != nil {
				return err
			}
			if o.json {
				if all == nil {
					all = []accounts.Invitation{}
				}
				for i := range all {
					all[i].Created, all[i].Expires = all[i].Created.UTC(), all[i].Expires.UTC()
				}
				return o.printJSON(all)
			}
			if len(all) == 0 {
				o.note("No invitations; 'syncmanager server invite' makes one.")
				return nil
			}
			t := table{head: []string{"ID", "MADE", "GOOD UNTIL", "USED BY", "NOTE"}, width: o.width()}
			for _, i := range all {
				t.add(i.ID, i.Created.Local().Format(time.DateOnly), i.Expires.Local().Format(time.DateOnly), i.Email, i.Note)
			}
			return t.print(o.stdout)
		}),
	}
}

func (o *operator) inviteRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID|CODE",
		Short: "End an invitation that was not used, by its ID or its code",
		Args:  cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			if err := s.RevokeInvitation(ctx, args[0]); err != nil {
				return err
			}
			if o.json {
				return o.printJSON(map[string]string{"revoked": args[0]})
			}
			o.note("The invitation is not good any more.")
			return nil
		}),
	}
}

func (o *operator) quotaCommand() *cobra.Command {
	var quota *int64
	return &cobra.Command{
		Use:   "quota SIZE|none|default",
		Short: "Bound how much each user may store who has no quota of their own",
		Long: `Bound how much each user may store who has no quota of their own: a SIZE like
500MB or 2GB, none for no bound, or default for what 'serve --quota' says. It holds at
once and after a restart, before what 'serve --quota' says.`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) (err error) {
			quota, err = parseQuota(args[0])
			return err
		},
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			if err := s.SetDefaultQuota(ctx, quota); err != nil {
				return err
			}
			if o.json {
				return o.printJSON(map[string]string{"quota": args[0]})
			}
			o.note("The quota of users without one of their own is now: %s.", args[0])
			return nil
		}),
	}
}

func (o *operator) compactCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "compact [USER…]",
		Short: "Give the disk back what users removed",
		Long: `Give the disk back what users removed from their storage: of all users, or of those
named. Each user's devices wait while that user's file is written again; the server
may run. Room for the largest file is needed meanwhile.`,
		RunE: o.on(func(ctx context.Context, s admin.Admin, users []string) error {
			if len(users) == 0 {
				all, err := s.Users(ctx)
				if err != nil {
					return err
				}
				for _, u := range all {
					if u.Storage != 0 {
						users = append(users, u.UID)
					}
				}
			}
			var before, after int64
			var failed int
			for _, who := range users {
				c, err := s.Compact(ctx, who)
				if err != nil {
					if len(users) == 1 || ctx.Err() != nil {
						return errors.Join(err, ctx.Err())
					}
					failed++
					o.complain(err)
					continue
				}
				before, after = before+c.Before, after+c.After
			}
			var err error
			if o.json {
				err = o.printJSON(struct {
					Users  int   `json:"users"`
					Failed int   `json:"failed"`
					Before int64 `json:"before"`
					After  int64 `json:"after"`
				}{len(users), failed, before, after})
			} else {
				err = o.print("%d users: %s before, %s now.", len(users), formatSize(before), formatSize(after))
			}
			if err == nil && failed > 0 {
				err = &reportedError{syncmanager.Partial}
			}
			return err
		}),
	}
}

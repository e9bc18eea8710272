package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/admin"
)

func (o *operator) inviteCommand() *cobra.Command {
	var note string
	var days int
	c := &cobra.Command{
		Use:   "invite",
		Short: "Make an invitation, with which one person can sign up",
		Long: `Make an invitation, with which one person can sign up on a server that runs
with --sign-up invite. The code is shown only once.`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if days < 1 || days > 3650 {
				return errors.New("--days must be from 1 to 3650")
			}
			return nil
		},
		RunE: o.on(func(ctx context.Context, s admin.Admin, _ []string) error {
			code, expires, err := s.Invite(ctx, note, time.Duration(days)*24*time.Hour)
			if err != nil {
				return err
			}
			if o.JSON {
				return o.PrintJSON(struct {
					Code    string    `json:"code"`
					Expires time.Time `json:"expires"`
				}{code, expires.UTC()})
			}
			o.Note("Valid for one account until %s:", expires.Local().Format(time.DateOnly))
			return o.Print("%s", code)
		}),
	}
	c.AddCommand(o.inviteListCommand(), o.inviteRevokeCommand())
	c.Flags().StringVar(&note, "note", "", "a `NOTE` for yourself, such as who it is for")
	c.Flags().IntVar(&days, "days", 7, "it is valid for this number of `DAYS`")
	return c
}

func (o *operator) inviteListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the invitations, and who used them",
		Long: `List the invitations that are valid, and those that accounts were made with. The
server does not keep the codes, so each invitation has an ID.`,
		Args: cobra.NoArgs,
		RunE: o.on(func(ctx context.Context, s admin.Admin, _ []string) error {
			all, err := s.Invitations(ctx)
			if err != nil {
				return err
			}
			if o.JSON {
				if all == nil {
					all = []accounts.Invitation{}
				}
				for i := range all {
					all[i].Created, all[i].Expires = all[i].Created.UTC(), all[i].Expires.UTC()
				}
				return o.PrintJSON(all)
			}
			if len(all) == 0 {
				o.Note("No invitations; 'syncmanager server invite' makes one.")
				return nil
			}
			t := term.Table{Head: []string{"ID", "MADE", "VALID UNTIL", "USED BY", "NOTE"}, Width: o.Width()}
			for _, i := range all {
				t.Add(i.ID, i.Created.Local().Format(time.DateOnly), i.Expires.Local().Format(time.DateOnly), i.Email, i.Note)
			}
			return t.Print(o.Out)
		}),
	}
}

func (o *operator) inviteRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID|CODE",
		Short: "Revoke an unused invitation, by its ID or its code",
		Args:  cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			if err := s.RevokeInvitation(ctx, args[0]); err != nil {
				return err
			}
			if o.JSON {
				return o.PrintJSON(map[string]string{"revoked": args[0]})
			}
			o.Note("The invitation is revoked.")
			return nil
		}),
	}
}

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
	"github.com/syncmanager/syncmanager/server/admin"
)

func (o *operator) restoredCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restored",
		Short: "Tell all devices that the PostgreSQL database was restored",
		Long: `Tell all devices that the server's PostgreSQL database was restored to an earlier state,
before the servers start again: each device then compares all its data with the server, and
uploads what it does not have. ($` + serve.EnvDatabase + ` names the database. 'server restore'
does this by itself.)`,
		Args: cobra.NoArgs,
		RunE: o.do(func(c *cobra.Command, _ []string) (err error) {
			ctx := c.Context()
			if o.dir, err = serve.DataDir(o.dir, o.getenv); err != nil {
				return err
			}
			switch _, err := admin.Dial(ctx, o.dir); {
			case err == nil:
				return fmt.Errorf("the server of %s is running: stop all servers first", o.dir)
			case !errors.Is(err, admin.ErrNotRunning):
				return err
			}
			s, err := o.open(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
			users, err := s.RenewSyncIDs(ctx)
			if o.JSON {
				return errors.Join(err, o.PrintJSON(struct {
					Users int `json:"users"`
				}{users}))
			}
			return errors.Join(err, o.Print("The devices of %s will compare all their data with the server.", plural(users, "user")))
		}),
	}
}

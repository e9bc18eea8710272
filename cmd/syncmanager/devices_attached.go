package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

// attachedJSON is what is signed in to the account.
type attachedJSON struct {
	Name     string     `json:"name"`
	DeviceID string     `json:"fxaDeviceId,omitempty"`
	Scope    []string   `json:"scope,omitempty"`
	Created  *time.Time `json:"createdAt"`
	LastSeen *time.Time `json:"lastSeen"`
	Local    bool       `json:"local"`
}

func (a *app) devicesAttachedCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "attached",
		Short: "Ask the server for all that is signed in to the account",
		Long: `Ask the server for all that is signed in to the account: devices, browsers that
looked at its settings, and apps.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			list, err := p.AttachedClients(ctx)
			if err != nil {
				return err
			}
			records := []attachedJSON{}
			t := table{head: []string{"NAME", "KIND", "SINCE", "SEEN"}, width: a.width()}
			for _, c := range list {
				r := attachedJSON{c.Name, c.DeviceID, c.Scope, some(c.CreatedAt), some(c.LastSeen), c.Current}
				records = append(records, r)
				kind := "session"
				switch {
				case c.Current:
					kind = "this device"
				case c.DeviceID != "":
					kind = "device"
				case len(c.Scope) > 0:
					kind = "app: " + strings.Join(c.Scope, " ")
				}
				t.add(c.Name, kind, a.moment(r.Created), a.moment(r.LastSeen))
			}
			if a.json {
				return a.printJSON(records)
			}
			return t.print(a.stdout)
		}),
	}
}

func (a *app) devicesDisconnectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "disconnect DEVICE",
		Short: "Sign another device out, from the server's side",
		Long: `Sign another device out of the account, from the server's side: for one that is
lost. It keeps its data, and within an hour reads no more of the account's.
DEVICE is a name, an ID, or the beginning of an ID.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeDevice,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			d, err := p.Disconnect(ctx, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"device": d.ID, "name": d.Name})
			}
			a.note("%q is signed out.", d.Name)
			return nil
		}),
	}
}

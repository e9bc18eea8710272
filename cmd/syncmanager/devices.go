package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engine"
)

func (a *app) devicesCommand() *cobra.Command {
	list := a.devicesListCommand()
	noun := &cobra.Command{
		Use:   "devices",
		Short: "List the account's devices and send them commands and pages",
		Long:  `List the account's devices, as of the last sync, and send them commands and pages.`,
		Args:  cobra.NoArgs,
		RunE:  list.RunE,
	}
	noun.AddCommand(list, a.devicesRenameCommand(), a.devicesCommandCommand(),
		a.devicesSendTabCommand(), a.devicesCloseTabCommand(), a.devicesAttachedCommand(), a.devicesDisconnectCommand())
	return noun
}

// deviceJSON is a device with the names of its clients record.
type deviceJSON struct {
	ID          engine.ID `json:"id"`
	Name        string    `json:"name"`
	Type        string    `json:"type"`
	Application string    `json:"application,omitempty"`
	OS          string    `json:"os,omitempty"`
	Version     string    `json:"version,omitempty"`
	AccountID   string    `json:"fxaDeviceId,omitempty"`
	// Modified is the server's time of the record, in seconds.
	Modified engine.Timestamp `json:"modified"`
	// Local is true for this device.
	Local bool `json:"local"`
}

func (a *app) devicesListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the account's devices",
		Args:  cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			m, err := p.Manager(ctx)
			if err != nil {
				return err
			}
			devices := m.Devices()
			if a.json {
				records := []deviceJSON{}
				for _, d := range devices {
					records = append(records, deviceJSON{d.ID, d.Name, d.Type, d.Application, d.OS, d.Version, d.AccountID, d.Modified, d.Local})
				}
				return a.printJSON(records)
			}
			if len(devices) == 0 {
				a.note("No devices known yet; 'syncmanager sync' finds them.")
				return nil
			}
			t := table{head: []string{"ID", "NAME", "TYPE", "APP", "OS", "SEEN"}, width: a.width()}
			for _, d := range devices {
				kind := d.Type
				if d.Local {
					kind = "this device"
				}
				seen := ""
				if d.Modified > 0 {
					seen = d.Modified.Time().Local().Format(time.DateOnly)
				}
				t.add(profile.ShortID(d.ID), d.Name, kind, d.Application, d.OS, seen)
			}
			return t.print(a.stdout)
		}),
	}
}

func (a *app) devicesRenameCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rename NAME",
		Short: "Rename this device",
		Args:  cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			if err := p.RenameDevice(ctx, args[0]); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"name": p.DeviceName()})
			}
			a.note("This device is now %q; the next sync tells the others.", p.DeviceName())
			return nil
		}),
	}
}

// commands are the words for the wire's commands, and whether they take an
// engine.
var commands = map[string]struct {
	wire   string
	engine bool
}{
	"wipe":   {"wipeEngine", true},
	"reset":  {"resetEngine", true},
	"logout": {"logout", false},
}

func (a *app) devicesCommandCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "command DEVICE wipe|reset ENGINE | DEVICE logout",
		Short: "Tell a device to wipe or reset an engine, or to sign out",
		Long: `Tell a device to do something at its next sync:

  wipe ENGINE    forget its data of that engine, and fetch it anew
  reset ENGINE   forget what it synced, and reconcile everything again
  logout         sign out

DEVICE is a name, an ID, or the beginning of an ID; see 'syncmanager devices'.`,
		Args:              cobra.RangeArgs(2, 3),
		ValidArgsFunction: a.completeDeviceCommand,
		PreRunE: func(_ *cobra.Command, args []string) error {
			command, known := commands[args[1]]
			switch {
			case !known:
				return fmt.Errorf("%q is not a command for a device: say wipe, reset or logout", args[1])
			case command.engine && len(args) != 3:
				return fmt.Errorf("%s needs the name of an engine", args[1])
			case !command.engine && len(args) != 2:
				return fmt.Errorf("%s takes no engine", args[1])
			}
			return checkEngines(args[2:])
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			device, err := p.FindDevice(ctx, args[0])
			if err != nil {
				return err
			}
			m, err := p.Manager(ctx)
			if err != nil {
				return err
			}
			command := commands[args[1]].wire
			if err := m.SendCommand(ctx, device.ID, command, args[2:]...); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"device": device.ID, "command": command, "args": args[2:]})
			}
			a.note("%s goes to %q with the next sync.", args[1], device.Name)
			return nil
		}),
	}
}

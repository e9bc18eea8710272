package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) devicesCommand() *cobra.Command {
	list := a.devicesListCommand()
	c := &cobra.Command{
		Use:   "devices",
		Short: "List the account's devices, and send them commands and pages",
		Long:  `List the account's devices, as of the last sync, and send them commands and pages.`,
		Args:  cobra.NoArgs,
		RunE:  list.RunE,
	}
	c.AddCommand(list, a.devicesRenameCommand(), a.devicesCommandCommand(),
		a.devicesSendTabCommand(), a.devicesCloseTabCommand(), a.devicesAttachedCommand(), a.devicesDisconnectCommand())
	return c
}

// deviceJSON is a device, with the names of its clients record.
type deviceJSON struct {
	ID          engine.ID `json:"id"`
	Name        string    `json:"name"`
	Type        string    `json:"type"`
	Application string    `json:"application,omitempty"`
	OS          string    `json:"os,omitempty"`
	Version     string    `json:"version,omitempty"`
	AccountID   string    `json:"fxaDeviceId,omitempty"`
	// Modified is when the server received the record, in seconds.
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
			if a.JSON {
				records := []deviceJSON{}
				for _, d := range devices {
					records = append(records, deviceJSON{d.ID, d.Name, d.Type, d.Application, d.OS, d.Version, d.AccountID, d.Modified, d.Local})
				}
				return a.PrintJSON(records)
			}
			if len(devices) == 0 {
				a.Note("No devices known yet; 'syncmanager sync' finds them.")
				return nil
			}
			t := term.Table{Head: []string{"ID", "NAME", "TYPE", "APP", "OS", "SEEN"}, Width: a.Width()}
			for _, d := range devices {
				kind := d.Type
				if d.Local {
					kind = "this device"
				}
				seen := ""
				if d.Modified > 0 {
					seen = d.Modified.Time().Local().Format(time.DateOnly)
				}
				t.Add(profile.ShortID(d.ID), d.Name, kind, d.Application, d.OS, seen)
			}
			return t.Print(a.Out)
		}),
	}
}

func (a *app) devicesRenameCommand() *cobra.Command {
	var usual bool
	c := &cobra.Command{
		Use:   "rename NAME | --default",
		Short: "Rename this device",
		Args:  cobra.MaximumNArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) error {
			if (len(args) == 1) == usual {
				return errors.New("give the new NAME, or --default for the name of a new device")
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			name := p.DefaultDeviceName()
			if !usual {
				name = args[0]
			}
			if err := p.RenameDevice(ctx, name); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"name": p.DeviceName()})
			}
			a.Note("This device is now %q; the next sync tells the other devices.", p.DeviceName())
			return nil
		}),
	}
	c.Flags().BoolVar(&usual, "default", false, "give this device the name again that it had at first")
	return c
}

// commands are the words for the commands of the protocol, and whether they take an
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

  wipe ENGINE    delete its data of that engine, and download it again
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
				return fmt.Errorf("%s needs the name of an engine: 'syncmanager engines' lists them", args[1])
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
			if a.JSON {
				return a.PrintJSON(map[string]any{"device": device.ID, "command": command, "args": args[2:]})
			}
			a.Note("The next sync sends %s to %q.", args[1], device.Name)
			return nil
		}),
	}
}

// attachedJSON is a session of the account.
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
		Short: "List all that is signed in to the account, as the server knows it",
		Long: `List all that is signed in to the account, as the server knows it: devices, browsers
in which you opened the account's settings, and apps.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			list, err := p.AttachedClients(ctx)
			if err != nil {
				return err
			}
			records := []attachedJSON{}
			t := term.Table{Head: []string{"NAME", "KIND", "SINCE", "SEEN"}, Width: a.Width()}
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
				t.Add(c.Name, kind, a.moment(r.Created), a.moment(r.LastSeen))
			}
			if a.JSON {
				return a.PrintJSON(records)
			}
			return t.Print(a.Out)
		}),
	}
}

func (a *app) devicesDisconnectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "disconnect DEVICE",
		Short: "Sign another device out of the account",
		Long: `Sign another device out of the account, for example one that is lost. The server does
this; the device need not be online. The device keeps its data, and cannot read the
account's data after at most an hour. DEVICE is a name, an ID, or the beginning of
an ID.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeDevice,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			d, err := p.Disconnect(ctx, args[0])
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"device": d.ID, "name": d.Name})
			}
			a.Note("%q is signed out.", d.Name)
			return nil
		}),
	}
}

func (a *app) devicesSendTabCommand() *cobra.Command {
	var tab account.Tab
	c := &cobra.Command{
		Use:   "send-tab DEVICE URL",
		Short: "Send a page to another device, which opens it",
		Long: `Send a page to another device, which opens it when it is online. DEVICE is a name, an
ID, or the beginning of an ID; see 'syncmanager devices'.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeDevice,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			tab.URL = args[1]
			if tab.Title == "" {
				tab.Title = tab.URL
			}
			d, err := p.SendTab(ctx, args[0], tab)
			if err != nil {
				return err
			}
			return a.sentTo(d, args[1:], "Sent to %q.")
		}),
	}
	c.Flags().StringVar(&tab.Title, "title", "", "the page's `TITLE`")
	c.Flags().BoolVar(&tab.Private, "private", false, "ask for a private window")
	return c
}

func (a *app) devicesCloseTabCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "close-tab DEVICE URL…",
		Short: "Close pages on another device",
		Long: `Close pages that are open on another device, when it is online. DEVICE is a name, an
ID, or the beginning of an ID; 'syncmanager tabs' lists the pages.`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: a.completeDevice,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			d, err := p.CloseTabs(ctx, args[0], args[1:])
			if err != nil {
				return err
			}
			return a.sentTo(d, args[1:], "Asked %q to close them.")
		}),
	}
}

func (a *app) sentTo(d account.Device, urls []string, words string) error {
	if a.JSON {
		return a.PrintJSON(map[string]any{"device": d.ID, "name": d.Name, "urls": urls})
	}
	a.Note(words, d.Name)
	return nil
}

// completeDevice completes the device, and no further argument.
func (a *app) completeDevice(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeDeviceCommand(c, args, word)
}

func (a *app) completeDeviceCommand(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
			m, err := p.Manager(ctx)
			if err != nil {
				return nil, err
			}
			for _, d := range m.Devices() {
				if !d.Local {
					words = append(words, cobra.CompletionWithDesc(d.Name, term.Printable(strings.TrimSpace(d.Type+" "+profile.ShortID(d.ID)))))
				}
			}
			return words, nil
		})
	case 1:
		return []string{"wipe", "reset", "logout"}, cobra.ShellCompDirectiveNoFileComp
	case 2:
		if commands[args[1]].engine {
			return profile.Engines(), cobra.ShellCompDirectiveNoFileComp
		}
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

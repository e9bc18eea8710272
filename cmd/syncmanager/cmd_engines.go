package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) enginesCommand() *cobra.Command {
	list := a.enginesListCommand()
	c := &cobra.Command{
		Use:   "engines",
		Short: "Choose what to sync",
		Long: `Choose what to sync. The choice belongs to the account: it applies to all its devices
from their next sync on.`,
		Args: cobra.NoArgs,
		RunE: list.RunE,
	}
	c.AddCommand(list, a.enginesSetCommand("enable", "Sync these engines again", true),
		a.enginesSetCommand("disable", "Stop syncing these engines on all devices; the data stays", false))
	return c
}

func (a *app) enginesListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the engines",
		Args:  cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			m, err := p.Manager(ctx)
			if err != nil {
				return err
			}
			engines, err := m.Engines(ctx)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(engines)
			}
			return a.printEngineStatus(engines)
		}),
	}
}

func (a *app) enginesSetCommand(verb, short string, enabled bool) *cobra.Command {
	return &cobra.Command{
		Use:               verb + " NAME…",
		Short:             short,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeEngines,
		PreRunE:           func(_ *cobra.Command, names []string) error { return checkEngines(names) },
		RunE: a.with(func(ctx context.Context, p *profile.Profile, names []string) error {
			m, err := p.Manager(ctx)
			if err != nil {
				return err
			}
			if err := m.SetEnabled(ctx, enabled, names...); err != nil {
				return err
			}
			if a.JSON {
				engines, err := m.Engines(ctx)
				if err != nil {
					return err
				}
				return a.PrintJSON(engines)
			}
			a.Note("%s %sd; the next sync tells the account.", strings.Join(names, ", "), verb)
			return nil
		}),
	}
}

// checkEngines returns an error for a name that is not an engine's.
func checkEngines(names []string) error {
	for _, name := range names {
		if !slices.Contains(profile.Engines(), name) {
			return fmt.Errorf("%q is not an engine: 'syncmanager engines' lists them", name)
		}
	}
	return nil
}

func (a *app) printEngineStatus(engines []syncmanager.EngineStatus) error {
	t := term.Table{Head: []string{"ENGINE", "STATE", "ITEMS", "TO SEND", "LAST SYNC", "LAST ERROR"}, Width: a.Width()}
	failed := false
	for _, e := range engines {
		state := "disabled"
		if e.Enabled {
			state = "enabled"
		}
		if e.Pending {
			state += " (next sync)"
		}
		last := "not here"
		if e.Registered {
			last = a.moment(&e.LastSync)
		}
		failed = failed || e.LastError != ""
		t.Add(e.Name, state, term.Number(e.Items), term.Number(e.Changes), last, e.LastError)
	}
	if !failed {
		t.Head = t.Head[:5]
		for i := range t.Rows {
			t.Rows[i] = t.Rows[i][:5]
		}
	}
	if err := t.Print(a.Out); err != nil {
		return err
	}
	return a.printStuck(engines)
}

// maxStuck bounds the stuck records of an engine and kind that are shown.
const maxStuck = 10

// printStuck names the records that cannot be synced.
func (a *app) printStuck(engines []syncmanager.EngineStatus) error {
	show := func(name string, n int, what string, some []engine.Problem) error {
		if n == 0 {
			return nil
		}
		if err := a.Print("\n%s: %s %s:", name, term.Count(n), what); err != nil {
			return err
		}
		for _, p := range some[:min(len(some), maxStuck)] {
			if err := a.Print("  %s: %s", p.ID, p.Err); err != nil {
				return err
			}
		}
		if more := n - min(len(some), maxStuck); more > 0 {
			return a.Print("  and %s more", term.Count(more))
		}
		return nil
	}
	for _, e := range engines {
		if e.Stuck == nil {
			continue
		}
		if err := show(e.Name, e.Stuck.Unsent, "not sent, since the server refuses them; they are sent again when they change", e.Stuck.UnsentRecords); err != nil {
			return err
		}
		if err := show(e.Name, e.Stuck.Unread, "on the server that cannot be read", e.Stuck.UnreadRecords); err != nil {
			return err
		}
		if err := show(e.Name, e.Stuck.Held, "changed here and not sent, since the record on the server cannot be read; a newer version of this program may read it", e.Stuck.HeldRecords); err != nil {
			return err
		}
	}
	return nil
}

// completeEngines completes the engines that are not on the command line yet.
func completeEngines(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, name := range profile.Engines() {
		if !slices.Contains(args, name) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// undoer is a store with a log of what syncs deleted or overwrote; all engines
// but tabs are.
type undoer interface {
	Log(ctx context.Context) ([]engine.LogEntry, error)
	Undo(ctx context.Context, run string) (engine.Undone, error)
}

// undoCommands returns the subcommands log and undo of the store whose command is
// name.
func (a *app) undoCommands(name string, open func(context.Context, *profile.Profile) (undoer, error)) []*cobra.Command {
	return []*cobra.Command{a.logOf(name, open), a.undoOf(name, open)}
}

func (a *app) logOf(name string, open func(context.Context, *profile.Profile) (undoer, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "log",
		Short: "List the syncs that changed or deleted " + name + ", and how many",
		Long: `List the syncs that changed or deleted ` + name + ` of this device, the newest first,
and how many. The list includes commands of other devices to wipe or reset. It does
not count what a sync added. 'syncmanager ` + name + ` undo' undoes one.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := open(ctx, p)
			if err != nil {
				return err
			}
			entries, err := store.Log(ctx)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(recordLogToJSON(entries))
			}
			if len(entries) == 0 {
				a.Note("No sync has changed the %s of this device.", name)
				return nil
			}
			t := term.Table{Head: []string{"SYNC", "WHEN", "CHANGED", "DELETED", ""}, Width: a.Width()}
			for _, e := range entries {
				what := ""
				if !e.Undone.IsZero() {
					what = "undone"
				}
				t.Add(profile.ShortID(engine.ID(e.Run)), a.moment(&e.At), term.Count(e.Changed), term.Count(e.Deleted), what)
			}
			return t.Print(a.Out)
		}),
	}
}

type recordLogJSON struct {
	Sync    string     `json:"sync"`
	At      time.Time  `json:"at"`
	Changed int        `json:"changed"`
	Deleted int        `json:"deleted"`
	Undone  *time.Time `json:"undone"`
}

func recordLogToJSON(entries []engine.LogEntry) []recordLogJSON {
	all := make([]recordLogJSON, len(entries))
	for i, e := range entries {
		all[i] = recordLogJSON{e.Run, e.At.UTC(), e.Changed, e.Deleted, some(e.Undone)}
	}
	return all
}

func (a *app) undoOf(name string, open func(context.Context, *profile.Profile) (undoer, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "undo [SYNC]",
		Short: "Restore the " + name + " that a sync changed or deleted",
		Long: `Restore the ` + name + ` that a sync changed or deleted: the last sync, or SYNC, which
'syncmanager ` + name + ` log' lists. What was edited since stays as it is. The next
sync tells the other devices.`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.complete(c, func(ctx context.Context, p *profile.Profile) ([]string, error) {
				store, err := open(ctx, p)
				if err != nil {
					return nil, err
				}
				return a.undoable(ctx, store)
			})
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := open(ctx, p)
			if err != nil {
				return err
			}
			run := ""
			if len(args) == 1 {
				if run, err = findRecordRun(ctx, store, name, args[0]); err != nil {
					return err
				}
			}
			done, err := store.Undo(ctx, run)
			if run == "" && errors.Is(err, engine.ErrNoRun) {
				return errors.New("nothing to undo")
			}
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(struct {
					Run      string `json:"sync"`
					Restored int    `json:"restored"`
					Reverted int    `json:"reverted"`
					Kept     int    `json:"kept"`
				}{done.Run, done.Restored, done.Reverted, done.Kept})
			}
			return a.Print("Undid %s: %s; the next sync tells the other devices.", profile.ShortID(engine.ID(done.Run)), undoneRecords(done))
		}),
	}
}

// undoable returns the completions for the syncs that were not undone.
func (a *app) undoable(ctx context.Context, store undoer) (words []string, err error) {
	entries, err := store.Log(ctx)
	for _, e := range entries {
		if e.Undone.IsZero() {
			words = append(words, cobra.CompletionWithDesc(profile.ShortID(engine.ID(e.Run)), a.moment(&e.At)))
		}
	}
	return words, err
}

// findRecordRun returns the one sync of the log whose name begins with word.
func findRecordRun(ctx context.Context, store undoer, name, word string) (string, error) {
	entries, err := store.Log(ctx)
	if err != nil {
		return "", err
	}
	entries = slices.DeleteFunc(entries, func(e engine.LogEntry) bool { return word == "" || !strings.HasPrefix(e.Run, word) })
	switch len(entries) {
	case 0:
		return "", fmt.Errorf("%w %q; 'syncmanager %s log' lists them", engine.ErrNoRun, word, name)
	case 1:
		return entries[0].Run, nil
	}
	return "", fmt.Errorf("%q names several syncs: give more of the name", word)
}

func undoneRecords(u engine.Undone) string {
	var did []string
	for _, part := range []struct {
		n    int
		what string
	}{{u.Restored, "restored"}, {u.Reverted, "changed back"}, {u.Kept, "kept as edited since"}} {
		if part.n > 0 {
			did = append(did, term.Count(part.n)+" "+part.what)
		}
	}
	if did == nil {
		return "nothing was left to undo"
	}
	return strings.Join(did, ", ")
}

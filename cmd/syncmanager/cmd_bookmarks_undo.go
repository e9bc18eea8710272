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
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) bookmarksLogCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "log",
		Short: "List the syncs that changed the bookmarks, and what each did",
		Long: `List the syncs that changed the bookmarks of this device, the newest first, and how
many items each added, changed, moved and deleted. The list includes syncs that
repaired errors on the server. 'syncmanager bookmarks undo' undoes one.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			entries, err := store.Log(ctx)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(logToJSON(entries))
			}
			return a.printLog(entries)
		}),
	}
}

type logJSON struct {
	Sync    string         `json:"sync"`
	At      time.Time      `json:"at"`
	Added   int            `json:"added"`
	Changed int            `json:"changed"`
	Moved   int            `json:"moved"`
	Deleted int            `json:"deleted"`
	Repairs map[string]int `json:"repairs,omitempty"`
	Undone  *time.Time     `json:"undone"`
}

func logToJSON(entries []engine.LogEntry) []logJSON {
	all := make([]logJSON, len(entries))
	for i, e := range entries {
		all[i] = logJSON{e.Run, e.At.UTC(), e.Added, e.Changed, e.Moved, e.Deleted, e.Repairs, some(e.Undone)}
	}
	return all
}

func (a *app) printLog(entries []engine.LogEntry) error {
	if len(entries) == 0 {
		a.Note("No sync has changed the bookmarks of this device.")
		return nil
	}
	t := term.Table{Head: []string{"SYNC", "WHEN", "ADDED", "CHANGED", "MOVED", "DELETED", ""}, Width: a.Width()}
	for _, e := range entries {
		repaired := 0
		for _, n := range e.Repairs {
			repaired += n
		}
		what := ""
		if repaired > 0 {
			what = term.Count(repaired) + " repaired"
		}
		if !e.Undone.IsZero() {
			what = "undone"
		}
		t.Add(profile.ShortID(engine.ID(e.Run)), a.moment(&e.At), term.Count(e.Added), term.Count(e.Changed), term.Count(e.Moved), term.Count(e.Deleted), what)
	}
	return t.Print(a.Out)
}

func (a *app) bookmarksUndoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "undo [SYNC]",
		Short: "Undo what a sync did to the bookmarks",
		Long: `Undo what a sync did to the bookmarks: the last sync, or SYNC, which 'syncmanager
bookmarks log' lists. What was edited since stays as it is. The next sync tells the
other devices.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeSyncs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			run := ""
			if len(args) == 1 {
				if run, err = findRun(ctx, store, args[0]); err != nil {
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
				return a.PrintJSON(undoneJSON(done))
			}
			return a.Print("Undid %s: %s; the next sync tells the other devices.", profile.ShortID(engine.ID(done.Run)), undoneWords(done))
		}),
	}
}

type undoneJSON struct {
	Run      string `json:"sync"`
	Restored int    `json:"restored"`
	Reverted int    `json:"reverted"`
	Moved    int    `json:"moved"`
	Removed  int    `json:"removed"`
	Kept     int    `json:"kept"`
}

// findRun returns the one sync of the log whose name begins with word.
func findRun(ctx context.Context, store *bookmarks.Engine, word string) (string, error) {
	entries, err := store.Log(ctx)
	if err != nil {
		return "", err
	}
	entries = slices.DeleteFunc(entries, func(e engine.LogEntry) bool { return word == "" || !strings.HasPrefix(e.Run, word) })
	switch len(entries) {
	case 0:
		return "", fmt.Errorf("%w %q; 'syncmanager bookmarks log' lists them", engine.ErrNoRun, word)
	case 1:
		return entries[0].Run, nil
	}
	return "", fmt.Errorf("%q names several syncs; give more of the name", word)
}

func undoneWords(u engine.Undone) string {
	var did []string
	for _, part := range []struct {
		n    int
		what string
	}{{u.Restored, "restored"}, {u.Reverted, "changed back"}, {u.Moved, "moved back"}, {u.Removed, "removed"}, {u.Kept, "kept as edited since"}} {
		if part.n > 0 {
			did = append(did, term.Count(part.n)+" "+part.what)
		}
	}
	if did == nil {
		return "nothing was left to take back"
	}
	return strings.Join(did, ", ")
}

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksLogCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "log",
		Short: "List the syncs that changed the bookmarks, and what each did",
		Long: `List the syncs that changed the bookmarks of this device, the newest first, and
how many items each added, changed, moved and deleted. A sync that repaired what
was wrong on the server is there too. 'syncmanager bookmarks undo' takes one back.`,
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
			if a.json {
				return a.printJSON(logToJSON(entries))
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

func logToJSON(entries []bookmarks.LogEntry) []logJSON {
	all := make([]logJSON, len(entries))
	for i, e := range entries {
		all[i] = logJSON{e.Run, e.At.UTC(), e.Added, e.Changed, e.Moved, e.Deleted, e.Repairs, some(e.Undone)}
	}
	return all
}

func (a *app) printLog(entries []bookmarks.LogEntry) error {
	if len(entries) == 0 {
		a.note("No sync has changed the bookmarks of this device.")
		return nil
	}
	t := table{head: []string{"SYNC", "WHEN", "ADDED", "CHANGED", "MOVED", "DELETED", ""}, width: a.width()}
	for _, e := range entries {
		repaired := 0
		for _, n := range e.Repairs {
			repaired += n
		}
		what := ""
		if repaired > 0 {
			what = count(repaired) + " repaired"
		}
		if !e.Undone.IsZero() {
			what = "undone"
		}
		t.add(profile.ShortID(engine.ID(e.Run)), a.moment(&e.At), count(e.Added), count(e.Changed), count(e.Moved), count(e.Deleted), what)
	}
	return t.print(a.stdout)
}

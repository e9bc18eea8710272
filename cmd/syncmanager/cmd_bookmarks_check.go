package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) bookmarksCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Look for errors in the bookmarks, here and on the server",
		Long: `Look for errors in the tree on this device and in the one on the server, and compare
the two: orphans, missing children, items in two folders, cycles, records that cannot
be read, differences that no pending change explains. The server's records are read
again; if the server cannot be reached, those of the last sync are checked. Nothing
is changed. The exit code is 1 if there is an error.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			checked, err := a.checkBookmarks(ctx, p, store)
			if err != nil {
				return err
			}
			if a.JSON {
				err = a.PrintJSON(checkToJSON(checked))
			} else {
				err = a.printCheck(ctx, store, checked)
			}
			if err == nil && len(checked.Counts) > 0 {
				err = &reportedError{syncmanager.StatusFailed}
			}
			return err
		}),
	}
}

// checkBookmarks checks the server's records too, if there is an account that has some.
func (a *app) checkBookmarks(ctx context.Context, p *profile.Profile, store *bookmarks.Engine) (*bookmarks.Checked, error) {
	if p.Account() == nil {
		return store.Check(ctx)
	}
	m, err := p.Manager(ctx)
	if err != nil {
		return nil, err
	}
	checked, err := store.CheckServer(ctx, func(yield func(engine.Incoming, error) bool) {
		for r, err := range m.Records().List(ctx, store.Collection(), false) {
			if !yield(incoming(r), err) {
				return
			}
		}
	})
	switch {
	case err == nil:
		return checked, nil
	case errors.Is(err, syncmanager.ErrNoStorage), errors.Is(err, syncmanager.ErrNoCollection):
	case ctx.Err() != nil:
		return nil, err
	default:
		a.Warn("the server could not be asked, so its records of the last sync are checked: %s", sentence(err))
	}
	return store.Check(ctx)
}

// incoming returns a record of the server as an engine receives it.
func incoming(r syncmanager.Record) engine.Incoming {
	in := engine.Incoming{ID: r.ID, Modified: r.Modified, Payload: r.Cleartext, Err: r.Err}
	var says struct {
		Deleted bool `json:"deleted"`
	}
	if r.Err == nil && json.Unmarshal(r.Cleartext, &says) == nil && says.Deleted {
		in.Payload = nil
	}
	return in
}

type checkJSON struct {
	Items   int            `json:"items"`
	Records int            `json:"records"`
	Counts  map[string]int `json:"counts"`
	Faults  []faultJSON    `json:"faults"`
}

type faultJSON struct {
	Where  bookmarks.Where `json:"where"`
	Kind   string          `json:"kind"`
	ID     engine.ID       `json:"id"`
	Folder engine.ID       `json:"folder,omitempty"`
}

func checkToJSON(c *bookmarks.Checked) checkJSON {
	j := checkJSON{c.Items, c.Records, c.Counts, []faultJSON{}}
	for _, f := range c.Faults {
		j.Faults = append(j.Faults, faultJSON{f.Where, f.Kind, bookmarks.WireID(f.GUID), bookmarks.WireID(f.Folder)})
	}
	return j
}

// trees are the words for where a fault is.
var trees = map[bookmarks.Where]string{bookmarks.Here: "this device", bookmarks.There: "the server", bookmarks.Between: "between them"}

func (a *app) printCheck(ctx context.Context, store *bookmarks.Engine, c *bookmarks.Checked) error {
	if len(c.Faults) > 0 {
		t := term.Table{Head: []string{"WHERE", "WHAT", "ID", "TITLE"}, Width: a.Width()}
		for _, f := range c.Faults {
			title := ""
			if it, err := store.Get(ctx, f.GUID); err == nil {
				title = label(it)
			}
			t.Add(trees[f.Where], f.Kind, string(bookmarks.WireID(f.GUID)), title)
		}
		if err := t.Print(a.Out); err != nil {
			return err
		}
	}
	total := 0
	for n := range maps.Values(c.Counts) {
		total += n
	}
	if more := total - len(c.Faults); more > 0 && len(c.Faults) > 0 {
		if err := a.Print("and %s more", term.Count(more)); err != nil {
			return err
		}
	}
	on := "nothing was synced yet"
	if c.Records > 0 {
		on = term.Count(c.Records) + " records on the server"
		if !c.Live {
			on += " as of the last sync"
		}
	}
	verdict := "no problems"
	if total > 0 {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(c.Counts)) {
			kinds = append(kinds, term.Count(c.Counts[kind])+" "+kind[strings.Index(kind, " ")+1:])
		}
		verdict = strings.Join(kinds, ", ")
	}
	return a.Print("%s items here, %s: %s.", term.Count(c.Items), on, verdict)
}

package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/api"
)

// changesPage lists what syncs changed.
type changesPage struct {
	List []undoable
	// Engine is the one whose changes are shown; "": all.
	Engine  string
	Engines []string
	// Failed says which logs cannot be read.
	Failed []string
}

// maxChanges is how many syncs the page lists.
const maxChanges = 200

func showChanges(ctx context.Context, q *request) (view, error) {
	list, err := call[api.EngineList](ctx, q, "engines.list", nil)
	if err != nil {
		return view{}, err
	}
	page := changesPage{Engine: q.bounded("engine", 64)}
	for _, e := range list.Engines {
		if !hasLog(e.Name) {
			continue
		}
		page.Engines = append(page.Engines, e.Name)
		if page.Engine != "" && page.Engine != e.Name {
			continue
		}
		l, err := call[api.Log](ctx, q, e.Name+".log", nil)
		if err != nil {
			page.Failed = append(page.Failed, engineName(e.Name)+": "+sentence(err))
			continue
		}
		for _, entry := range l.Log {
			page.List = append(page.List, undoable{e.Name, entry})
		}
	}
	slices.SortStableFunc(page.List, func(a, b undoable) int { return b.At.Compare(a.At) })
	page.List = page.List[:min(len(page.List), maxChanges)]
	return view{Title: "Undo a sync", Data: page}, nil
}

// Words says what the sync changed.
func (u undoable) Words() string {
	var did []string
	for _, part := range []struct {
		n    int
		what string
	}{{u.Added, "added"}, {u.Changed, "changed"}, {u.Moved, "moved"}, {u.Deleted, "deleted"}} {
		if part.n > 0 {
			did = append(did, number(part.n)+" "+part.what)
		}
	}
	return strings.Join(did, ", ")
}

// actUndoSync reverts what a sync changed in an engine.
func actUndoSync(ctx context.Context, q *request) (string, error) {
	name := q.form.Get("engine")
	to := "changes"
	if q.form.Get("back") == "overview" {
		to = ""
	}
	if !hasLog(name) {
		return to, &api.Error{Code: api.CodeNotFound, Message: "the syncs of this engine cannot be undone"}
	}
	u, err := call[api.Undone](ctx, q, name+".undo", api.Run{Sync: q.form.Get("sync")})
	if err != nil {
		return to, err
	}
	var did []string
	for _, part := range []struct {
		n    int
		what string
	}{{u.Restored, "restored"}, {u.Reverted, "as before"}, {u.Moved, "moved back"}, {u.Removed, "removed"}} {
		if part.n > 0 {
			did = append(did, number(part.n)+" "+part.what)
		}
	}
	text := engineName(name) + ": " + strings.Join(did, ", ")
	if len(did) == 0 {
		text = engineName(name) + ": there was nothing left to undo"
	}
	if u.Kept > 0 {
		text += fmt.Sprintf("; %s edited since stay as they are", number(u.Kept))
	}
	q.of.say(notice{Text: text + ". The next sync tells the other devices."})
	return to, nil
}

package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/api"
)

// overview is what the first page shows.
type overview struct {
	// Mood is "good", "busy", "wait" or "bad".
	Mood, Headline string
	Last, Next     string
	// SignedIn is false for a profile without an account.
	SignedIn bool
	About    api.About
	Device   string
	Problems []problem
	Tiles    []tile
	Received []api.ReceivedPage
	Syncs    []entry
}

// problem is something that a person has to see to.
type problem struct {
	Title, Text string
	// Page and Button lead to where it can be seen to, or "".
	Page, Button string
	// Accept names an engine whose deletions wait for the user's word, or is "".
	Accept string
}

// tile is an engine on the first page.
type tile struct {
	api.EngineStatus
	Page string
}

// entry is a sync in the timeline.
type entry struct {
	api.SyncResult
	// Mood is as in overview.
	Mood string
	// Undo are the engines whose changes by the sync can be undone.
	Undo []undoable
}

// undoable is what a sync changed in an engine.
type undoable struct {
	Engine string
	api.LogEntry
}

const shownSyncs = 12

func showOverview(ctx context.Context, q *request) (view, error) {
	status, err := call[api.Status](ctx, q, "status", nil)
	if err != nil {
		return view{}, err
	}
	about, err := call[api.About](ctx, q, "about", nil)
	if err != nil {
		return view{}, err
	}
	o := overview{About: about, SignedIn: status.SignedIn, Device: status.DeviceName, Last: q.server.moment(status.LastSync)}
	if !about.NextSync.IsZero() {
		o.Next = q.server.moment(about.NextSync)
	}
	results, err := call[api.Results](ctx, q, "sync.results", api.Limit{Limit: shownSyncs})
	if err != nil {
		o.Problems = append(o.Problems, problem{Title: "The timeline cannot be shown", Text: sentence(err)})
	}
	o.Syncs = entries(ctx, q, results.Results)
	o.Problems = append(o.Problems, problems(q.server, status, about, results.Results)...)
	received, err := call[api.ReceivedPages](ctx, q, "messages.list", nil)
	if err != nil {
		o.Problems = append(o.Problems, problem{Title: "Pages from other devices cannot be shown", Text: sentence(err)})
	}
	o.Received = received.Pages
	for _, e := range inOrder(status.Engines, func(e api.EngineStatus) string { return e.Name }) {
		if e.Registered {
			o.Tiles = append(o.Tiles, tile{e, map[string]string{"bookmarks": "bookmarks", "passwords": "passwords"}[e.Name]})
		}
	}
	o.Mood, o.Headline = mood(status, o.Problems)
	return view{Title: o.Headline, Data: o}, nil
}

// mood says how it goes in a few words.
func mood(status api.Status, problems []problem) (mood, headline string) {
	waiting := 0
	for _, e := range status.Engines {
		if e.Changes != nil && e.Enabled {
			waiting += *e.Changes
		}
	}
	switch {
	case len(problems) == 1:
		return "bad", "One thing needs you"
	case len(problems) > 1:
		return "bad", fmt.Sprintf("%d things need you", len(problems))
	case status.LastSync.IsZero():
		return "wait", "Nothing was synced yet"
	case waiting > 0:
		return "wait", plural(waiting, "change waits", "changes wait") + " for the next sync"
	}
	return "good", "Everything is in sync"
}

// problems lists what a person has to see to, the gravest first.
func problems(s *Server, status api.Status, about api.About, results []api.SyncResult) (list []problem) {
	for _, text := range about.Problems {
		list = append(list, problem{Title: "The agent cannot sync", Text: asSentence(text)})
	}
	var last api.SyncResult
	if len(results) > 0 {
		last = results[0]
	}
	switch last.Status {
	case "auth":
		list = append(list, problem{
			Title: "Sign in again",
			Text:  "The account does not accept this device any more. Run 'syncmanager login' in a terminal; nothing on this device is lost.",
		})
	case "failed":
		list = append(list, failed(last))
	}
	if last.SignedOut {
		list = append(list, problem{
			Title: "Another device signed this one out",
			Text:  "The data on this device is kept. Run 'syncmanager login' in a terminal to sync again.",
		})
	}
	if !status.BackoffUntil.IsZero() && status.BackoffUntil.After(s.Now()) {
		list = append(list, problem{
			Title: "The server asks to wait",
			Text:  "It is busy, and takes this device's changes again from " + s.moment(status.BackoffUntil) + " on. Nothing is lost until then.",
		})
	}
	list = append(list, waiting(results)...)
	stuck := 0
	for _, e := range status.Engines {
		stuck += e.Stuck
		if e.LastError != "" && last.Status != "failed" && !held(results, e.Name) {
			list = append(list, problem{Title: engineName(e.Name) + " did not sync", Text: asSentence(e.LastError)})
		}
	}
	if stuck > 0 {
		list = append(list, problem{
			Title: plural(stuck, "record does not sync", "records do not sync"),
			Text:  "All others do. The list says what is wrong with each, and what to do.", Page: "stuck", Button: "Show them",
		})
	}
	return list
}

// failed explains a sync that failed as a whole.
func failed(r api.SyncResult) problem {
	p := problem{Title: "The last sync failed", Text: asSentence(r.Error)}
	switch r.Failure {
	case "network":
		p.Title, p.Text = "The server cannot be reached", "Check that this device is online. Your changes wait here, and go up with the next sync. "+asSentence(r.Error)
	case "server":
		p.Title, p.Text = "The server has an error", "The next sync tries again; your changes wait here. "+asSentence(r.Error)
	}
	return p
}

// waiting are the engines that wait for the user's word, by the last result of each.
func waiting(results []api.SyncResult) (list []problem) {
	for _, e := range pending(results) {
		list = append(list, problem{
			Title: engineName(e.Engine) + " wait for your word",
			Text: fmt.Sprintf("Another device deleted a lot: the next sync would delete %s of %s here. If you meant that, let it. If not, look at the other devices first: until you decide, these stay as they are.",
				number(e.Deletions), items(e.Engine, e.Total)),
			Accept: e.Engine,
		})
	}
	return list
}

// pending are the engines whose newest result is that they wait for the user's word.
func pending(results []api.SyncResult) (list []api.EngineResult) {
	seen := map[string]bool{}
	for _, r := range results {
		for _, e := range r.Engines {
			if !seen[e.Engine] && e.Status == "needsConfirmation" {
				list = append(list, e)
			}
			seen[e.Engine] = true
		}
	}
	return list
}

func held(results []api.SyncResult, engine string) bool {
	for _, e := range pending(results) {
		if e.Engine == engine {
			return true
		}
	}
	return false
}

// entries are the syncs of the timeline, each with what of it can be undone.
func entries(ctx context.Context, q *request, results []api.SyncResult) (list []entry) {
	logs := map[string]map[string]api.LogEntry{} // by engine and sync
	for _, r := range results {
		e := entry{SyncResult: r, Mood: resultMood(r)}
		for _, c := range r.Changed {
			if _, ok := logs[c.Engine]; !ok {
				logs[c.Engine] = logOf(ctx, q, c.Engine)
			}
			if l, ok := logs[c.Engine][r.Sync]; ok && r.Sync != "" {
				e.Undo = append(e.Undo, undoable{c.Engine, l})
			}
		}
		list = append(list, e)
	}
	return list
}

// logOf is the log of an engine by the names of syncs; empty if there is none.
func logOf(ctx context.Context, q *request, engine string) map[string]api.LogEntry {
	by := map[string]api.LogEntry{}
	if !hasLog(engine) {
		return by
	}
	l, err := call[api.Log](ctx, q, engine+".log", nil)
	if err != nil {
		return by // the engine's own page says what is wrong
	}
	for _, e := range l.Log {
		by[e.Sync] = e
	}
	return by
}

// hasLog reports whether the syncs of an engine can be undone.
func hasLog(engine string) bool {
	_, err := api.Lookup(engine + ".undo")
	return err == nil
}

func resultMood(r api.SyncResult) string {
	switch {
	case r.Status == "backedOff":
		return "wait"
	case r.Status != "ok":
		return "bad"
	case !r.Did():
		return "quiet"
	}
	return "good"
}

func showTimeline(ctx context.Context, q *request) (view, error) {
	results, err := call[api.Results](ctx, q, "sync.results", api.Limit{Limit: api.MaxResults})
	return view{Title: "All syncs", Under: "overview", Data: entries(ctx, q, results.Results)}, err
}

// actSync syncs. While that runs, the page that asked shows how far it is.
func actSync(ctx context.Context, q *request) (string, error) {
	r, err := call[api.SyncResult](context.WithoutCancel(ctx), q, "sync.run", nil)
	if err != nil {
		return "", err
	}
	if r.Status != "ok" && r.Status != "partial" {
		return "", errors.New(strings.ToLower(story(r)[:1]) + story(r)[1:])
	}
	q.of.say(notice{Text: asSentence(story(r))})
	return "", nil
}

// actAccept lets the deletions of an engine happen.
func actAccept(ctx context.Context, q *request) (string, error) {
	name := q.form.Get("engine")
	r, err := call[api.SyncResult](context.WithoutCancel(ctx), q, "sync.run", api.Sync{Engines: []string{name}, AcceptDeletions: true})
	if err != nil {
		return "", err
	}
	if r.Status != "ok" {
		return "", errors.New("the sync ended otherwise: " + story(r))
	}
	q.of.say(notice{Text: engineName(name) + " are as on the other devices. 'Undo' brings them back."})
	return "", nil
}

func actClearMessages(ctx context.Context, q *request) (string, error) {
	return "", act(ctx, q, "messages.clear", nil)
}

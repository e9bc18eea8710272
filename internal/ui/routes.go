package ui

import (
	"context"
	"net/url"
	"strconv"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/engine"
)

// shows are the pages.
var shows = map[string]func(context.Context, *request) (view, error){
	"":              showOverview,
	"timeline":      showTimeline,
	"devices":       showDevices,
	"disconnect":    showDisconnect,
	"engines":       showEngines,
	"engine-off":    showEngineOff,
	"bookmarks":     showBookmarks,
	"bookmark":      showBookmark,
	"bookmark-add":  showBookmarkAdd,
	"bookmark-move": showBookmarkMove,
	"passwords":     showPasswords,
	"password":      showPasswordHidden,
	"changes":       showChanges,
	"conflicts":     showConflicts,
	"stuck":         showStuck,
	"import":        showImport,
	"health":        showHealth,
	"leave":         showLeave,
}

// acts are what forms do. Each returns the page that follows, also with an error.
var acts = map[string]func(context.Context, *request) (to string, err error){
	"sync":            actSync,
	"accept":          actAccept,
	"messages-clear":  actClearMessages,
	"device-rename":   actRename,
	"device-send":     actSendTab,
	"disconnect":      actDisconnect,
	"engine-on":       actEngineOn,
	"engine-off":      actEngineOff,
	"bookmark-add":    actBookmarkAdd,
	"bookmark-edit":   actBookmarkEdit,
	"bookmark-move":   actBookmarkMove,
	"bookmark-delete": actBookmarkDelete,
	"undo":            actUndo,
	"sync-undo":       actUndoSync,
	"import":          actImportLook,
	"import-apply":    actImportApply,
	"import-drop":     actImportDrop,
	"leave":           actLeave,
}

// link is a link to a page with a value.
func link(page string, values ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(values); i += 2 {
		if values[i+1] != "" {
			v.Set(values[i], values[i+1])
		}
	}
	if len(v) == 0 {
		return page
	}
	return page + "?" + v.Encode()
}

// bounded is a value of the address; "" if it is longer than most bytes.
func (q *request) bounded(name string, most int) string {
	v := q.URL.Query().Get(name)
	if len(v) > most {
		return ""
	}
	return v
}

// id is an ID in the address.
func (q *request) id(name string) engine.ID { return engine.ID(q.bounded(name, 256)) }

// from is the number of the first item that is asked for.
func (q *request) from() int {
	n, err := strconv.Atoi(q.bounded("from", 10))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// pages is a long list in parts.
type parts struct {
	From, To, Total int
	// Before and After are the links to the other parts, or "".
	Before, After string
}

// pageSize is how many items a page shows.
const pageSize = 200

func partsOf(from, shown, total int, to func(from string) string) parts {
	p := parts{From: min(from+1, total), To: from + shown, Total: total}
	if from > 0 {
		p.Before = to(strconv.Itoa(max(0, from-pageSize)))
	}
	if from+shown < total {
		p.After = to(strconv.Itoa(from + shown))
	}
	return p
}

// actUndo takes an act of this page back.
func actUndo(ctx context.Context, q *request) (string, error) {
	u, ok := q.of.takeUndo(q.form.Get("undo"))
	if !ok {
		return "", &api.Error{Code: api.CodeNotFound, Message: "this cannot be undone any more"}
	}
	if err := act(ctx, q, u.verb, u.ask); err != nil {
		return u.after, err
	}
	q.of.say(notice{Text: u.said})
	return u.after, nil
}

// offerUndo says what was done, with a way to take it back.
func (q *request) offerUndo(said string, u undo) error {
	id, err := q.server.random()
	if err != nil {
		return err
	}
	u.id = id
	q.of.canUndo(u)
	q.of.say(notice{Text: said, Undo: id})
	return nil
}

func showLeave(context.Context, *request) (view, error) {
	return view{Title: "Close this page?"}, nil
}

// actLeave ends the session.
func actLeave(_ context.Context, q *request) (string, error) {
	q.server.leave(q.of)
	return "", nil
}

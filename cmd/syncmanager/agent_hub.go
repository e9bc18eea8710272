package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/syncmanager/syncmanager"
)

// A hub hands the progress and the log of a shared profile to the commands that use it.
type hub struct {
	own *slog.Logger

	mu       sync.Mutex
	commands map[*app]listener
}

// listener is what a command wants of the profile; each may be nil.
type listener struct {
	progress func(syncmanager.Progress)
	log      slog.Handler
}

func newHub(own *slog.Logger) *hub { return &hub{own: own, commands: map[*app]listener{}} }

func (h *hub) join(a *app, l listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commands[a] = l
}

func (h *hub) leave(a *app) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.commands, a)
}

func (h *hub) listeners() (all []listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.commands {
		all = append(all, l)
	}
	return all
}

func (h *hub) progress(s syncmanager.Progress) {
	for _, l := range h.listeners() {
		if l.progress != nil {
			l.progress(s)
		}
	}
}

// log is the log of the profile: the agent's own, and those of the commands with --verbose.
func (h *hub) log() *slog.Logger { return slog.New(&hubLog{hub: h}) }

// hubLog is a handler whose attributes and groups are added for each listener.
type hubLog struct {
	hub *hub
	add []func(slog.Handler) slog.Handler
}

// Enabled implements [slog.Handler].
func (l *hubLog) Enabled(ctx context.Context, level slog.Level) bool {
	for _, to := range l.handlers() {
		if to.Enabled(ctx, level) {
			return true
		}
	}
	return false
}

func (l *hubLog) handlers() []slog.Handler {
	all := []slog.Handler{l.hub.own.Handler()}
	for _, to := range l.hub.listeners() {
		if to.log != nil {
			all = append(all, to.log)
		}
	}
	return all
}

// Handle implements [slog.Handler].
func (l *hubLog) Handle(ctx context.Context, r slog.Record) error {
	for _, to := range l.handlers() {
		if to.Enabled(ctx, r.Level) {
			for _, add := range l.add {
				to = add(to)
			}
			_ = to.Handle(ctx, r.Clone()) // a terminal that is gone has nobody to tell
		}
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (l *hubLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return l.with(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements [slog.Handler].
func (l *hubLog) WithGroup(name string) slog.Handler {
	return l.with(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (l *hubLog) with(add func(slog.Handler) slog.Handler) slog.Handler {
	return &hubLog{l.hub, append(l.add[:len(l.add):len(l.add)], add)}
}

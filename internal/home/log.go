package home

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/syncmanager/syncmanager/api"
)

const (
	// keptLines is how many lines of the log are kept, and maxLine how long one is, in bytes.
	keptLines = 200
	maxLine   = 1000
)

// Log keeps the newest lines of a log in memory. It is safe for concurrent use.
type Log struct {
	// Level is the least that is kept; nil: slog.LevelInfo.
	Level slog.Leveler

	mu    sync.Mutex
	lines []api.LogLine
}

// Lines returns the lines, the oldest first.
func (l *Log) Lines() []api.LogLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// Handler returns the handler of a logger whose lines are kept.
func (l *Log) Handler() slog.Handler { return &tail{log: l} }

func (l *Log) add(line api.LogLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	l.lines = slices.Delete(l.lines, 0, max(0, len(l.lines)-keptLines))
}

// tail is a handler of a Log, with the attributes that its lines begin with.
type tail struct {
	log    *Log
	text   string
	prefix string // of the names of attributes
}

// Enabled implements [slog.Handler].
func (t *tail) Enabled(_ context.Context, level slog.Level) bool {
	least := slog.LevelInfo
	if t.log.Level != nil {
		least = t.log.Level.Level()
	}
	return level >= least
}

// Handle implements [slog.Handler].
func (t *tail) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(t.text)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(t.attr(a))
		return b.Len() < maxLine
	})
	text := b.String()
	if len(text) > maxLine {
		text = strings.ToValidUTF8(text[:maxLine], "") + "…"
	}
	t.log.add(api.LogLine{At: r.Time.UTC(), Level: r.Level.String(), Text: text})
	return nil
}

func (t *tail) attr(a slog.Attr) string {
	return " " + t.prefix + a.Key + "=" + a.Value.Resolve().String()
}

// WithAttrs implements [slog.Handler].
func (t *tail) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *t
	for _, a := range attrs {
		more.text += t.attr(a)
	}
	return &more
}

// WithGroup implements [slog.Handler].
func (t *tail) WithGroup(name string) slog.Handler {
	more := *t
	more.prefix += name + "."
	return &more
}

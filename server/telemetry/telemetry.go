// Package telemetry tells monitoring systems what a server does in its databases: how long each
// statement takes, by the name of its constant, and how many connections are in use. It traces
// requests and their statements, if a tracer is configured.
//
// The names are those of constants, so that no value of a client becomes a label or a span's name.
package telemetry

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

const namespace = "syncmanager"

// Named is a statement and the name of its constant.
type Named struct{ Name, SQL string }

// Config configures an [Observer].
type Config struct {
	// Now is the clock.
	Now func() time.Time
	// Tracer, if set, makes spans of statements.
	Tracer trace.Tracer
}

// Observer observes the databases of one server. It is a [prometheus.Collector]. A nil Observer
// observes nothing. Its methods may be called concurrently.
type Observer struct {
	cfg     Config
	seconds *prometheus.HistogramVec

	mu    sync.Mutex
	pools []pool
}

// New returns an Observer.
func New(cfg Config) *Observer {
	return &Observer{cfg: cfg, seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "statement_duration_seconds",
		Help:    "Time of a statement, with the reading of its rows. Statements that are sent together are one, by the name of the last.",
		Buckets: []float64{.001, .01, .1, 1, 10},
	}, []string{"part", "statement"})}
}

// Part is a part of a server with its own statements, such as "accounts".
type Part struct {
	of         *Observer
	name       string
	statements map[string]*statement // by their text
	others     map[string]*statement // by name: what has no constant
}

// statement is a statement with its series, which is made at the first use.
type statement struct {
	name    string
	once    sync.Once
	seconds prometheus.Observer
}

// The names of what has no constant of its own.
const (
	begin    = "begin"
	commit   = "commit"
	rollback = "rollback"
	other    = "other"
)

// Part returns a part with these statements. All others count as "begin", "commit", "rollback"
// or "other". It is nil if o is.
func (o *Observer) Part(name string, statements []Named) *Part {
	if o == nil {
		return nil
	}
	p := &Part{of: o, name: name, statements: make(map[string]*statement, len(statements)), others: make(map[string]*statement)}
	for _, s := range statements {
		p.statements[s.SQL] = &statement{name: s.Name}
	}
	for _, name := range []string{begin, commit, rollback, other} {
		p.others[name] = &statement{name: name}
	}
	return p
}

// find returns the statement with a text.
func (p *Part) find(sql string) *statement {
	if s := p.statements[sql]; s != nil {
		return s
	}
	for _, name := range []string{begin, commit, rollback} {
		if len(sql) >= len(name) && strings.EqualFold(sql[:len(name)], name) {
			return p.others[name]
		}
	}
	return p.others[other]
}

// Now returns the time, which [Part.Observe] takes at the end of a statement.
func (p *Part) Now() time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.of.cfg.Now()
}

// Observe notes a statement that ended now, with the error err or nil.
func (p *Part) Observe(ctx context.Context, sql string, began time.Time, err error) {
	if p == nil {
		return
	}
	s, ended := p.find(sql), p.of.cfg.Now()
	p.time(s, ended.Sub(began))
	if p.Traced(ctx) {
		p.span(ctx, s, nil, began, ended, err)
	}
}

// ObserveBatch is [Part.Observe] for statements that were sent together. Their results arrive
// together too, so they have one time, under the name of the last.
func (p *Part) ObserveBatch(ctx context.Context, sql []string, began time.Time, err error) {
	if p == nil || len(sql) == 0 {
		return
	}
	s, ended := p.find(sql[len(sql)-1]), p.of.cfg.Now()
	p.time(s, ended.Sub(began))
	if p.Traced(ctx) {
		p.span(ctx, s, sql, began, ended, err)
	}
}

func (p *Part) time(s *statement, took time.Duration) {
	s.once.Do(func() { s.seconds = p.of.seconds.WithLabelValues(p.name, s.name) })
	s.seconds.Observe(took.Seconds())
}

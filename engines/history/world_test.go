package history_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

// device is one engine, synced by hand.
type device struct {
	*history.Engine
	t  testing.TB
	at engine.Timestamp
	// ahead is how far its clock is past now.
	ahead time.Duration
}

func newDevice(t testing.TB) *device {
	d := &device{t: t, at: 179_537_000_000}
	var err error
	d.Engine, err = openWith(t.TempDir(), func() time.Time { return now.Add(d.ahead) })
	d.must(err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *device) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) visit(url, title string, ago time.Duration, kind history.Transition) history.Page {
	d.t.Helper()
	p, err := d.AddVisit(d.t.Context(), url, title, history.Visit{At: now.Add(-ago), Type: kind})
	d.must(err)
	return p
}

// record is an incoming record, written at the server's next moment.
func (d *device) record(id engine.ID, url, title string, visits ...string) engine.Incoming {
	d.at += 100
	list := "["
	for i, v := range visits {
		if i > 0 {
			list += ","
		}
		list += v
	}
	return engine.Incoming{ID: id, Modified: d.at, Payload: fmt.Appendf(nil, `{"id":%q,"histUri":%q,"title":%q,"visits":%s]}`, id, url, title, list)}
}

func (d *device) tombstone(id engine.ID) engine.Incoming {
	d.at += 100
	return engine.Incoming{ID: id, Modified: d.at}
}

// at is a visit on the wire.
func at(ago time.Duration, kind int) string {
	return fmt.Sprintf(`{"date":%d,"type":%d}`, now.Add(-ago).UnixMicro(), kind)
}

// sync is one whole sync, in which the server stores all that goes up.
func (d *device) sync(in ...engine.Incoming) (engine.Merged, []engine.Outgoing) {
	d.t.Helper()
	m, out, err := d.try(engine.Start{}, in...)
	d.must(err)
	return m, out
}

func (d *device) try(start engine.Start, in ...engine.Incoming) (m engine.Merged, out []engine.Outgoing, err error) {
	ctx := context.Background()
	s, err := d.Begin(ctx, start)
	if err != nil {
		return m, nil, err
	}
	defer func() { d.must(s.End(ctx, err)) }()
	if err = s.Stage(ctx, in); err != nil {
		return m, nil, err
	}
	d.at += 100
	if m, err = s.Merge(ctx, d.at); err != nil {
		return m, nil, err
	}
	for {
		page, err := s.Outgoing(ctx, 100)
		if err != nil || len(page) == 0 {
			return m, out, err
		}
		d.at += 100
		r := engine.Receipt{At: d.at}
		for _, o := range page {
			r.Stored = append(r.Stored, o.ID)
		}
		if err = s.Uploaded(ctx, r); err != nil {
			return m, out, err
		}
		out = append(out, page...)
	}
}

// sent is a record as it goes up.
type sent struct {
	ID      engine.ID
	HistURI string `json:"histUri"`
	Title   string
	Visits  []struct {
		Date, Type int64
	}
}

func (d *device) decode(o engine.Outgoing) (s sent) {
	d.t.Helper()
	d.must(json.Unmarshal(o.Payload, &s))
	return s
}

// pages are all pages with their visits, by URL.
func (d *device) pages() map[string]history.Page {
	d.t.Helper()
	all := make(map[string]history.Page)
	for p, err := range d.List(d.t.Context()) {
		d.must(err)
		p, err = d.Get(d.t.Context(), p.ID)
		d.must(err)
		if _, twice := all[p.URL]; twice {
			d.t.Fatalf("%s is listed twice", p.URL)
		}
		if p.VisitCount != len(p.Visits) || !p.LastVisit.Equal(p.Visits[0].At) {
			d.t.Fatalf("%s has %d visits and counts %d, the last at %s", p.URL, len(p.Visits), p.VisitCount, p.LastVisit)
		}
		all[p.URL] = p
	}
	return all
}

func (d *device) wantChanges(when string, want int) {
	d.t.Helper()
	if n, err := d.Changes(d.t.Context()); err != nil || n != want {
		d.t.Fatalf("%s: %d changes, %v; want %d", when, n, err, want)
	}
}

// retitle gives a page another title.
func retitle(ctx context.Context, e *history.Engine, id engine.ID, title string) error {
	_, err := e.Update(ctx, history.Page{ID: id, Title: title})
	return err
}

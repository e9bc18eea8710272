package collection_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
)

type author struct {
	Name string `json:"name,omitempty"`
	Mail string `json:"mail,omitempty"`
}

// note is the record of these tests.
type note struct {
	ID     collection.ID     `json:"id"`
	Title  string            `json:"title"`
	Text   string            `json:"text,omitempty"`
	Count  int               `json:"count,omitempty"`
	By     author            `json:"by"`
	Editor *author           `json:"editor,omitempty" sync:"fields"`
	Labels map[string]string `json:"labels,omitempty" sync:"fields"`
	Form   int               `json:"form,omitempty"`
}

// cloud is a server that holds one collection, and the time.
type cloud struct {
	at      engine.Timestamp
	records map[engine.ID]engine.Incoming
}

func newCloud() *cloud { return &cloud{at: 179_537_000_000, records: map[engine.ID]engine.Incoming{}} }

// now is a clock that never stands: which of two edits is newer is never open.
func (c *cloud) now() time.Time {
	c.at++
	return time.UnixMilli(int64(c.at) * 10)
}

// sync brings e and the cloud together.
func (c *cloud) sync(e engine.Engine, start engine.Start) (engine.Merged, error) {
	ctx := context.Background()
	s, err := e.Begin(ctx, start)
	if err != nil {
		return engine.Merged{}, err
	}
	var page []engine.Incoming
	for _, in := range c.records {
		if in.Modified > s.Since() {
			page = append(page, in)
		}
	}
	slices.SortFunc(page, func(a, b engine.Incoming) int { return strings.Compare(string(a.ID), string(b.ID)) })
	if err := s.Stage(ctx, page); err != nil {
		return engine.Merged{}, err
	}
	m, err := s.Merge(ctx, c.at)
	if err != nil {
		return m, errors.Join(err, s.End(ctx, err))
	}
	c.at++
	r := engine.Receipt{At: c.at}
	for {
		out, err := s.Outgoing(ctx, 100)
		if err != nil {
			return m, err
		}
		if len(out) == 0 {
			break
		}
		for _, o := range out {
			c.records[o.ID] = engine.Incoming{ID: o.ID, Modified: r.At, Payload: o.Payload}
			r.Stored = append(r.Stored, o.ID)
		}
	}
	return m, errors.Join(s.Uploaded(ctx, r), s.End(ctx, nil))
}

// pair is two devices of one account.
type pair[R any] struct {
	t testing.TB
	*cloud
	a, b *collection.Engine[R]
}

func newPair[R any](t testing.TB, o collection.Options[R]) *pair[R] {
	t.Helper()
	p := &pair[R]{t: t, cloud: newCloud()}
	p.a, p.b = open(t, p.cloud, o), open(t, p.cloud, o)
	return p
}

func open[R any](t testing.TB, c *cloud, o collection.Options[R]) *collection.Engine[R] {
	t.Helper()
	o.Path, o.Now, o.Rand = filepath.Join(t.TempDir(), "notes.db"), c.now, rand.Reader
	e, err := collection.Open(context.Background(), "test-notes", o)
	check(t, err)
	t.Cleanup(func() { check(t, e.Close()) })
	return e
}

func (p *pair[R]) sync(devices ...*collection.Engine[R]) (last engine.Merged) {
	p.t.Helper()
	for _, e := range devices {
		var err error
		last, err = p.cloud.sync(e, engine.Start{})
		check(p.t, err)
	}
	return last
}

// share adds a record on a, and brings it to b.
func (p *pair[R]) share(r R) R {
	p.t.Helper()
	r = add(p.t, p.a, r)
	p.sync(p.a, p.b)
	return r
}

func add[R any](t testing.TB, e *collection.Engine[R], r R) R {
	t.Helper()
	r, err := e.Add(context.Background(), r)
	check(t, err)
	return r
}

// edit changes a record on one device.
func edit[R any](t testing.TB, e *collection.Engine[R], id collection.ID, f func(*R)) {
	t.Helper()
	check(t, e.Edit(context.Background(), func(tx *collection.Tx[R]) error {
		r, err := tx.Get(id)
		if err != nil {
			return err
		}
		f(&r)
		return tx.Update(&r)
	}))
}

// list is what a device has, each record without its ID, sorted.
func list(t testing.TB, e *collection.Engine[note]) (all []string) {
	t.Helper()
	for n, err := range e.List(context.Background()) {
		check(t, err)
		s := fmt.Sprintf("%s:%s %d %v", n.Title, n.Text, n.Count, n.By)
		if n.Editor != nil {
			s += fmt.Sprint(" editor", *n.Editor)
		}
		if n.Labels != nil {
			s += fmt.Sprint(" ", n.Labels)
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// want compares both devices after two more syncs of each, and the cloud.
func want(p *pair[note], records ...string) {
	p.t.Helper()
	p.sync(p.a, p.b, p.a, p.b)
	for name, e := range map[string]*collection.Engine[note]{"a": p.a, "b": p.b} {
		if got := list(p.t, e); !slices.Equal(got, records) {
			p.t.Errorf("%s has %q, want %q", name, got, records)
		}
		if n, err := e.Changes(context.Background()); err != nil || n != 0 {
			p.t.Errorf("%s still has %d changes, %v", name, n, err)
		}
	}
	live := 0
	for _, in := range p.records {
		if in.Payload != nil {
			live++
		}
	}
	if live != len(records) {
		p.t.Errorf("the server has %d records, want %d", live, len(records))
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

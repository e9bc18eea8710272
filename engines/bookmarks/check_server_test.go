package bookmarks_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// live are the server's records as a check reads them.
func (a *account) live(yield func(engine.Incoming, error) bool) {
	for _, in := range a.records {
		if !yield(in, nil) {
			return
		}
	}
}

func TestACheckLooksAtTheServer(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	if c, err := p.one.CheckServer(t.Context(), p.account.live); err != nil || len(c.Counts) > 0 || !c.Live || c.Records != 9 {
		t.Fatalf("%+v, %v; want nine records and no fault", c, err)
	}
	// Another client writes records that this device has not seen.
	p.account.damage(p.a)
	p.account.put(p.b, `{"id":"`+string(p.b)+`","type":"bookmark","parentid":"menu","title":"no URL"}`)
	delete(p.account.records, p.f)
	want := map[string]int{"server cannot be read": 1, "server unusable record": 1, "server missing child": 3, "server orphan": 1}
	c, err := p.one.CheckServer(t.Context(), p.account.live)
	if err != nil || !maps.Equal(c.Counts, want) {
		t.Fatalf("%v, %v; want %v", c.Counts, err, want)
	}
	// The check of this device alone finds nothing.
	if c, err := p.one.Check(t.Context()); err != nil || len(c.Counts) > 0 {
		t.Fatalf("as of the last sync: %v, %v", c.Counts, err)
	}
	broken := errors.New("offline")
	if _, err := p.one.CheckServer(t.Context(), func(yield func(engine.Incoming, error) bool) { yield(engine.Incoming{}, broken) }); !errors.Is(err, broken) {
		t.Fatalf("%v; want what stopped the records", err)
	}
}

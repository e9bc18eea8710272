package mirror

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
)

type thing struct {
	ID   engine.ID `json:"id"`
	Name string    `json:"name"`
}

func thingSchema() Schema[thing] {
	return Schema[thing]{
		Collection: "test", Version: 1,
		Fields: []string{"id", "name"},
		ID:     func(x *thing) *engine.ID { return &x.ID },
		Check:  named(true, func(x *thing) string { return x.Name }),
	}
}

func openThings(t *testing.T) *Store[thing] {
	t.Helper()
	s, err := Open(t.Context(), thingSchema(), engine.StoreConfig{Path: filepath.Join(t.TempDir(), "x.db"), Now: time.Now, Rand: rand.Reader, Key: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestImport(t *testing.T) {
	t.Parallel()
	source := func(yield func(thing, error) bool) {
		for i := range 1200 {
			if !yield(thing{Name: fmt.Sprint("n", i)}, nil) {
				return
			}
		}
		// The same as one of an earlier transaction, one without a name, and one that cannot be read.
		_ = yield(thing{Name: "n5"}, nil) && yield(thing{}, nil) && yield(thing{}, &importing.Skip{Line: 9, Reason: "it is no JSON"}) && yield(thing{Name: "last"}, nil)
	}
	want := importing.Report{
		Read: 1204, Added: 1201, Duplicates: 1, Skipped: 2,
		Skips: []importing.Skip{{Line: 9, Reason: "it is no JSON"}, {Item: "thing ", Reason: "it has no name"}},
	}
	s := openThings(t)
	bring := func(source iter.Seq2[thing, error], o importing.Options) (importing.Report, error) {
		return s.Import(t.Context(), source, func(x *thing) string { return "thing " + x.Name }, o)
	}
	for _, dry := range []bool{true, false} {
		if r, err := bring(source, importing.Options{DryRun: dry}); err != nil || !reflect.DeepEqual(r, want) {
			t.Fatalf("dry run %v: %+v, %v; want %+v", dry, r, err, want)
		}
		kept := 1201
		if dry {
			kept = 0
		}
		if n, err := s.Count(t.Context()); err != nil || n != kept {
			t.Fatalf("dry run %v kept %d, %v; want %d", dry, n, err, kept)
		}
	}
	if r, err := bring(source, importing.Options{}); err != nil || r.Added != 0 || r.Duplicates != 1202 {
		t.Fatalf("again: %+v, %v", r, err)
	}

	// A source that breaks leaves what it brought.
	broken := errors.New("the disk died")
	r, err := bring(func(yield func(thing, error) bool) {
		_ = yield(thing{Name: "saved"}, nil) && yield(thing{}, broken)
	}, importing.Options{})
	if !errors.Is(err, broken) || r.Added != 1 {
		t.Fatalf("from a broken source: %+v, %v", r, err)
	}
	if n, err := s.Count(t.Context()); err != nil || n != 1202 {
		t.Fatalf("%d records, %v; want 1202", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Import(ctx, source, func(*thing) string { return "" }, importing.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
}

type pastime struct {
	ID          engine.ID `json:"id"`
	Name        string    `json:"name"`
	Place       string    `json:"place"`
	Tags        []string  `json:"tags"`
	TimeCreated int64     `json:"timeCreated"`
	TimesUsed   int64     `json:"timesUsed,omitempty"`
}

// What is here already gets what the import has and it has not; what differs is named.
func TestAnImportAddsToWhatIsHere(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Schema[pastime]{
		Collection: "test", Version: 1,
		Fields: []string{"id", "name", "place", "tags", "timeCreated", "timesUsed"},
		ID:     func(x *pastime) *engine.ID { return &x.ID },
		Check:  named(true, func(x *pastime) string { return x.Name }),
		Sets:   []string{"tags"},
	}, engine.StoreConfig{Path: filepath.Join(t.TempDir(), "x.db"), Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	bring := func(p pastime) importing.Report {
		t.Helper()
		r, err := s.Import(t.Context(), func(yield func(pastime, error) bool) { yield(p, nil) }, func(p *pastime) string { return p.Name }, importing.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	bring(pastime{ID: "a", Name: "chess", Tags: []string{"x"}, TimeCreated: 20})
	for _, c := range []struct {
		in   pastime
		want importing.Report
	}{
		{pastime{Name: "chess"}, importing.Report{Read: 1, Duplicates: 1, Skips: []importing.Skip{}}},
		{pastime{Name: "chess", Place: "park", Tags: []string{"y"}, TimeCreated: 10, TimesUsed: 3}, importing.Report{Read: 1, Updated: 1, Skips: []importing.Skip{}}},
		{pastime{Name: "chess", Place: "park", TimeCreated: 30, TimesUsed: 2}, importing.Report{Read: 1, Duplicates: 1, Skips: []importing.Skip{}}},
		{pastime{Name: "chess", Place: "home", TimeCreated: 5}, importing.Report{Read: 1, Skipped: 1,
			Skips: []importing.Skip{{Item: "chess", Reason: "it is here already with another place, which was kept"}}}},
	} {
		if r := bring(c.in); !reflect.DeepEqual(r, c.want) {
			t.Errorf("%+v: %+v; want %+v", c.in, r, c.want)
		}
	}
	got, err := s.Get(t.Context(), "a")
	if want := (pastime{ID: "a", Name: "chess", Place: "park", Tags: []string{"x", "y"}, TimeCreated: 5, TimesUsed: 3}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("here is %+v, %v; want %+v", got, err, want)
	}
}

// What was imported before the first sync is not newer than what the account has.
func TestAnImportIsNoNewerThanTheAccount(t *testing.T) {
	t.Parallel()
	s := openThings(t)
	_, err := s.Import(t.Context(), func(yield func(thing, error) bool) { yield(thing{ID: "a", Name: "imported"}, nil) }, func(*thing) string { return "" }, importing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := stage(t, s, engine.Start{}, 20, incoming("a", 10, `{"id":"a","name":"account's"}`)); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, s); got != `{"id":"a","name":"account's"}` {
		t.Errorf("here is %s; want the account's", got)
	}
}

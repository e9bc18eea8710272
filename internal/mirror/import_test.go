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
)

type thing struct {
	ID   engine.ID `json:"id"`
	Name string    `json:"name"`
}

func openThings(t *testing.T) *Store[thing] {
	t.Helper()
	s, err := OpenStore(t.Context(), testRules(), Kind[thing]{Fields: []string{"id", "name"}, ID: func(x *thing) *engine.ID { return &x.ID }},
		Options{Path: filepath.Join(t.TempDir(), "x.db"), Now: time.Now, Rand: rand.Reader, Key: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestImport(t *testing.T) {
	source := func(yield func(thing, error) bool) {
		for i := range 1200 {
			if !yield(thing{Name: fmt.Sprint("n", i)}, nil) {
				return
			}
		}
		// The same as one of an earlier transaction, one without a name, and one that cannot be read.
		_ = yield(thing{Name: "n5"}, nil) && yield(thing{}, nil) && yield(thing{}, &Skip{Line: 9, Reason: "it is no JSON"}) && yield(thing{Name: "last"}, nil)
	}
	want := Imported{
		Read: 1204, Added: 1201, Duplicates: 1, SkippedRecords: 2,
		Skipped: []Skip{{Line: 9, Reason: "it is no JSON"}, {Item: "thing ", Reason: "it has no name"}},
	}
	s := openThings(t)
	bring := func(source iter.Seq2[thing, error], o ImportOptions) (Imported, error) {
		return s.Import(t.Context(), source, func(x *thing) string { return "thing " + x.Name }, o)
	}
	for _, dry := range []bool{true, false} {
		if r, err := bring(source, ImportOptions{DryRun: dry}); err != nil || !reflect.DeepEqual(r, want) {
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
	if r, err := bring(source, ImportOptions{}); err != nil || r.Added != 0 || r.Duplicates != 1202 {
		t.Fatalf("again: %+v, %v", r, err)
	}

	// A source that breaks leaves what it brought.
	broken := errors.New("the disk died")
	r, err := bring(func(yield func(thing, error) bool) {
		_ = yield(thing{Name: "saved"}, nil) && yield(thing{}, broken)
	}, ImportOptions{})
	if !errors.Is(err, broken) || r.Added != 1 {
		t.Fatalf("from a broken source: %+v, %v", r, err)
	}
	if n, err := s.Count(t.Context()); err != nil || n != 1202 {
		t.Fatalf("%d records, %v; want 1202", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Import(ctx, source, func(*thing) string { return "" }, ImportOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
}

// Package flattest is the common harness for tests of engines of flat records: it opens an
// engine, and connects it to the conformance suite.
package flattest

import (
	"context"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/internal/test/long"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
)

// Editor edits records of type R.
type Editor[R any] interface {
	Add(ctx context.Context, r R) (R, error)
	Get(ctx context.Context, id engine.ID) (R, error)
	Update(ctx context.Context, r R) (R, error)
	Delete(ctx context.Context, id engine.ID) error
}

// Store is an engine with records of type R.
type Store[R any] interface {
	engine.Engine
	Close() error
	List(ctx context.Context) iter.Seq2[R, error]
}

// Kind is an engine and what its tests need to know of its records.
type Kind[E Store[R], R any] struct {
	Open func(ctx context.Context, path string, now func() time.Time) (E, error)
	// Incoming returns item i with that version, as in [enginetest.Harness].
	Incoming func(i, version int) engine.Incoming
	// New returns what the user adds, a duplicate of Incoming(i, 0).
	New func(i int) R
	// ID returns the record's ID; SetVersion and Version write and read what the user edits in
	// it.
	ID         func(r R) engine.ID
	SetVersion func(r *R, version int)
	Version    func(r R) (int, error)
	// Editor edits records for the suite; nil: the engine itself, which must be an [Editor].
	Editor func(e E) Editor[R]
	// Invalid is a payload for item 0 that breaks the rules.
	Invalid []byte
	// ByID says that only the ID makes two records the same, so that New is not a duplicate.
	ByID bool
}

// OpenIn opens the engine in a folder, with a fixed clock.
func (k Kind[E, R]) OpenIn(t testing.TB, dir string) E {
	t.Helper()
	return k.open(t, dir, testclock.At(time.UnixMilli(1_795_370_000_000)))
}

// OpenNew opens the engine in a new folder, and closes it when the test ends.
func (k Kind[E, R]) OpenNew(t testing.TB) (E, *testclock.Clock) {
	t.Helper()
	c := testclock.At(time.UnixMilli(1_795_372_600_000))
	e := k.open(t, t.TempDir(), c)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, c
}

func (k Kind[E, R]) editor(e engine.Engine) Editor[R] {
	if k.Editor != nil {
		return k.Editor(e.(E))
	}
	return e.(Editor[R])
}

func (k Kind[E, R]) open(t testing.TB, dir string, c *testclock.Clock) E {
	t.Helper()
	// Do not use the test's context: an engine may be closed after that has ended.
	e, err := k.Open(context.WithoutCancel(t.Context()), filepath.Join(dir, "store.db"), c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Harness returns the harness of the conformance suite.
func (k Kind[E, R]) Harness() enginetest.Harness {
	return enginetest.Harness{
		Many: long.Of(2000, 10_000),
		Open: func(t testing.TB, dir string) engine.Engine { return k.OpenIn(t, dir) },
		Close: func(t testing.TB, e engine.Engine) {
			if err := e.(E).Close(); err != nil {
				t.Error(err)
			}
		},
		Incoming: k.Incoming,
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			r, err := k.editor(e).Add(ctx, k.New(i))
			return k.ID(r), err
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			r, err := k.editor(e).Get(ctx, id)
			if err != nil {
				return err
			}
			k.SetVersion(&r, version)
			_, err = k.editor(e).Update(ctx, r)
			return err
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error { return k.editor(e).Delete(ctx, id) },
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			for r, err := range e.(E).List(ctx) {
				if err != nil {
					return nil, err
				}
				if all[k.ID(r)], err = k.Version(r); err != nil {
					return nil, err
				}
			}
			return all, nil
		},
		Invalid:            k.Invalid,
		Duplicates:         !k.ByID,
		RemembersDeletions: true,
		Unknown:            true,
	}
}

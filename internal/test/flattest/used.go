package flattest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Used is an engine whose records note when and how often they were used.
type Used[R any] interface {
	Store[R]
	Editor[R]
	Touch(ctx context.Context, id engine.ID) error
	Changes(ctx context.Context) (int, error)
	Count(ctx context.Context) (int, error)
	DeleteAll(ctx context.Context) (int, error)
	Scrub(ctx context.Context) (engine.Scrubbed, error)
	Maintain(ctx context.Context) (int64, error)
}

// Uses is an engine and what the tests of its uses need to know of its records.
type Uses[E Used[R], R comparable] struct {
	Kind[E, R]
	// Use changes what a record notes of its use: times uses more, the last at that time.
	Use func(r *R, times int64, last time.Time)
	// Modified is when the record's content was changed last.
	Modified func(r R) time.Time
}

// TestTouch tests that a use counts, goes up, and is not a change of the content.
func (u Uses[E, R]) TestTouch(t *testing.T) {
	t.Helper()
	e, clock := u.OpenNew(t)
	want, err := e.Add(t.Context(), u.New(0))
	if err != nil {
		t.Fatal(err)
	}
	id := u.ID(want)
	for range 2 {
		clock.Pass(time.Hour)
		if err := e.Touch(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	u.Use(&want, 2, mirror.Time(clock.Now().UnixMilli()))
	got, err := e.Get(t.Context(), id)
	if err != nil || got != want {
		t.Errorf("used, it is %+v, %v; want %+v", got, err, want)
	}
	if n, err := e.Changes(t.Context()); err != nil || n != 1 {
		t.Errorf("%d changes go up, %v; want 1", n, err)
	}
	if err := e.Touch(t.Context(), "nobody"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a use of a record that is not here: %v; want ErrNotFound", err)
	}
	u.SetVersion(&got, 1)
	clock.Pass(time.Hour)
	if got, err = e.Update(t.Context(), got); err != nil || !u.Modified(got).Equal(mirror.Time(clock.Now().UnixMilli())) {
		t.Errorf("changed, it is %+v, %v; want the change noted", got, err)
	}
}

// TestDeleteAllAndMaintain tests that DeleteAll leaves nothing, and that a sound file can be
// scrubbed and maintained.
func (u Uses[E, R]) TestDeleteAllAndMaintain(t *testing.T) {
	t.Helper()
	e, _ := u.OpenNew(t)
	if _, err := e.Add(t.Context(), u.New(0)); err != nil {
		t.Fatal(err)
	}
	if done, err := e.Scrub(t.Context()); err != nil || done != (engine.Scrubbed{}) {
		t.Errorf("scrubbed %+v, %v; want nothing", done, err)
	}
	if n, err := e.DeleteAll(t.Context()); err != nil || n != 1 {
		t.Errorf("%d were deleted, %v; want 1", n, err)
	}
	if n, err := e.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d are left, %v", n, err)
	}
	if _, err := e.Maintain(t.Context()); err != nil {
		t.Error(err)
	}
}

package addresses_test

import (
	"errors"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// A use counts, goes up, and is not a change of the entry.
func TestTouch(t *testing.T) {
	t.Parallel()
	e, clock := open(t)
	r, err := e.Add(t.Context(), addresses.Address{Entry: addresses.Entry{Name: "Ann Lee", Country: "DE"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		clock.Pass(time.Hour)
		if err := e.Touch(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
	}
	want := r
	want.TimesUsed, want.TimeLastUsed = 2, mirror.Time(clock.Now().UnixMilli())
	if got, err := e.Get(t.Context(), r.ID); err != nil || got != want {
		t.Errorf("used, it is %+v, %v; want %+v", got, err, want)
	}
	if n, err := e.Changes(t.Context()); err != nil || n != 1 {
		t.Errorf("%d changes go up, %v", n, err)
	}
	if err := e.Touch(t.Context(), "nobody"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("of none: %v", err)
	}
	got, err := e.Get(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	got.Name = "Ann B. Lee"
	clock.Pass(time.Hour)
	if got, err = e.Update(t.Context(), got); err != nil || got.TimeLastModified != mirror.Time(clock.Now().UnixMilli()) {
		t.Errorf("changed, it is %+v, %v", got, err)
	}
}

func TestDeleteAllAndMaintain(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	if _, err := e.Add(t.Context(), addresses.Address{Entry: addresses.Entry{Name: "Ann Lee", Country: "DE"}}); err != nil {
		t.Fatal(err)
	}
	if done, err := e.Scrub(t.Context()); err != nil || done != (engine.Scrubbed{}) {
		t.Errorf("scrubbed %+v, %v; want nothing", done, err)
	}
	if n, err := e.DeleteAll(t.Context()); err != nil || n != 1 {
		t.Errorf("%d were deleted, %v", n, err)
	}
	if n, err := e.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d are left, %v", n, err)
	}
	if _, err := e.Maintain(t.Context()); err != nil {
		t.Error(err)
	}
}

package prefs_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/prefs"
)

func TestAChangeSeesWhatItReplaces(t *testing.T) {
	t.Parallel()
	a := open(t).Of(prefs.Firefox)
	to := func(want, value string, err error) func(json.RawMessage) (json.RawMessage, error) {
		return func(was json.RawMessage) (json.RawMessage, error) {
			if string(was) != want {
				t.Errorf("it was %s; want %s", was, want)
			}
			return json.RawMessage(value), err
		}
	}
	if err := a.Change(t.Context(), "a", to("", "1", nil)); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := a.Change(t.Context(), "a", to("1", "2", refused)); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if err := a.Change(t.Context(), "a", to("1", "[]", nil)); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("a value that no preference has: got %v", err)
	}
	if p, err := a.Get(t.Context(), "a"); err != nil || string(p.Value) != "1" {
		t.Errorf("it is %s (%v)", p.Value, err)
	}
}

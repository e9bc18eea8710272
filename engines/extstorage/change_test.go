package extstorage_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/extstorage"
)

func TestAChangeSeesWhatItReplaces(t *testing.T) {
	t.Parallel()
	a := open(t).Of("x@example.com")
	change := func(want, value string) error {
		return a.Change(t.Context(), "k", func(was json.RawMessage) (json.RawMessage, error) {
			if string(was) != want {
				t.Errorf("it was %s; want %s", was, want)
			}
			if value == "" {
				return nil, nil
			}
			return json.RawMessage(value), nil
		})
	}
	for _, step := range []struct{ was, value string }{{"", "1"}, {"1", `"two"`}, {`"two"`, ""}, {"", "3"}} {
		if err := change(step.was, step.value); err != nil {
			t.Fatal(err)
		}
	}
	var quota *extstorage.QuotaError
	if err := change("3", `"`+strings.Repeat("x", extstorage.MaxItemBytes)+`"`); !errors.As(err, &quota) || !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("a value over the quota: got %v", err)
	}
	if keys, err := a.Keys(t.Context()); len(keys) != 1 || err != nil {
		t.Errorf("the keys are %v (%v)", keys, err)
	}
}

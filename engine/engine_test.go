package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

func TestAnIncomingRecordIsATombstoneOrNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   engine.Incoming
		want bool
	}{
		"a record":         {engine.Incoming{Payload: []byte("{}")}, false},
		"a tombstone":      {engine.Incoming{}, true},
		"one that is torn": {engine.Incoming{Err: errors.New("torn")}, false},
	} {
		if got := c.in.Tombstone(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAHoldSaysHowMuch(t *testing.T) {
	t.Parallel()
	if text := (&engine.TooManyDeletionsError{Deletions: 30, Total: 40}).Error(); !strings.Contains(text, "30 of 40") {
		t.Errorf("it says %q", text)
	}
}

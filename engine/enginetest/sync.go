package enginetest

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// Incoming is a record from the server, whose ID stands in its payload.
func Incoming(t testing.TB, modified engine.Timestamp, payload string) engine.Incoming {
	t.Helper()
	var head struct{ ID engine.ID }
	if err := json.Unmarshal([]byte(payload), &head); err != nil {
		t.Fatal(err)
	}
	return engine.Incoming{ID: head.ID, Modified: modified, Payload: []byte(payload)}
}

// Recorded are the records in a file of testdata: a JSON array of
// {"modified", "cleartext"}, as a real client uploaded them.
func Recorded(t testing.TB, file string) []engine.Incoming {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var records []struct {
		Modified  engine.Timestamp
		Cleartext json.RawMessage
	}
	if err := json.Unmarshal(raw, &records); err != nil {
		t.Fatal(err)
	}
	var in []engine.Incoming
	for _, r := range records {
		in = append(in, Incoming(t, r.Modified, string(r.Cleartext)))
	}
	return in
}

// Sync runs one whole sync: it brings in, and returns what goes up, settled a moment
// after at.
func Sync(t testing.TB, e engine.Engine, start engine.Start, at engine.Timestamp, in ...engine.Incoming) (engine.Merged, []engine.Outgoing) {
	t.Helper()
	ctx := context.Background()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := e.Begin(ctx, start)
	check(err)
	check(s.Stage(ctx, in))
	merged, err := s.Merge(ctx, at)
	check(err)
	var all []engine.Outgoing
	for {
		page, err := s.Outgoing(ctx, 100)
		check(err)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		r := engine.Receipt{At: at + 1}
		for _, out := range page {
			r.Stored = append(r.Stored, out.ID)
		}
		check(s.Uploaded(ctx, r))
	}
	check(s.End(ctx, nil))
	return merged, all
}

package enginetest

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// Record returns a record as another device wrote it, for [Once]. Its ID is that of payload,
// or "" if it has none.
func Record(at engine.Timestamp, payload string) engine.Incoming {
	var head struct{ ID engine.ID }
	_ = json.Unmarshal([]byte(payload), &head)
	return engine.Incoming{ID: head.ID, Modified: at, Payload: []byte(payload)}
}

// Records returns the records in a file with the uploads of a real device, as [{"modified":
// seconds, "cleartext": {…}}, …].
func Records(t testing.TB, file string) []engine.Incoming {
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
		in = append(in, Record(r.Modified, string(r.Cleartext)))
	}
	return in
}

// Once runs a complete sync for an engine's own tests. The engine downloads in; Once returns
// the records that it uploads, all of which are stored at the time at.
func Once(t testing.TB, e engine.Engine, start engine.Start, at engine.Timestamp, in ...engine.Incoming) (engine.Merged, []engine.Outgoing) {
	t.Helper()
	w := &env{TB: t, h: Harness{Start: start}, e: e, at: at - 100, prefer: start.Prefer}
	return w.sync(in...)
}

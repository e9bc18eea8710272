package addons_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/internal/test/flattest"
)

var kind = flattest.Kind[*addons.Engine, addons.Addon]{
	Open: func(ctx context.Context, path string, now func() time.Time) (*addons.Engine, error) {
		return addons.Open(ctx, addons.Config{Path: path, Key: [32]byte{1}, Now: now, Rand: rand.Reader})
	},
	Incoming: func(i, version int) engine.Incoming {
		id := engine.ID(fmt.Sprintf("addon-%d", i))
		return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","addonID":"a%d@x.example","applicationID":"%s","enabled":true,"source":"v%d"}`,
			id, i, firefox, version)}
	},
	New: func(i int) addons.Addon {
		return addons.Addon{AddonID: fmt.Sprintf("a%d@x.example", i), ApplicationID: firefox, Enabled: true, Source: "v0"}
	},
	ID:         func(r addons.Addon) engine.ID { return r.ID },
	SetVersion: func(r *addons.Addon, version int) { r.Source = fmt.Sprintf("v%d", version) },
	Version: func(r addons.Addon) (version int, err error) {
		_, err = fmt.Sscanf(r.Source, "v%d", &version)
		return version, err
	},
	Invalid: []byte(`{"id":"addon-0","applicationID":"x","enabled":true,"source":"amo"}`),
}

func open(t testing.TB) *addons.Engine {
	t.Helper()
	e, _ := kind.OpenNew(t)
	return e
}

const firefox = "{ec8030f7-c20a-464f-9b0e-13a3a9e97384}"

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, kind.Harness())
}

// TestFirefoxsAddons takes what Firefox wrote, and disables one of them.
func TestFirefoxsAddons(t *testing.T) {
	t.Parallel()
	e := open(t)
	in := enginetest.Records(t, "testdata/firefox-esr-153.json")
	if m, out := enginetest.Once(t, e, engine.Start{}, 200_000_000_000, in...); m.Applied != 2 || len(out) != 0 {
		t.Fatalf("merged %+v, %d go up; want 2 applied and none up", m, len(out))
	}
	x, err := e.Get(t.Context(), "{07259775-75fa-43f2-ba7b-05f5a37fb2c8}")
	want := addons.Addon{
		ID: "{07259775-75fa-43f2-ba7b-05f5a37fb2c8}", AddonID: "one@sync-manager.example", ApplicationID: firefox, Enabled: true, Source: "amo",
	}
	if err != nil || x != want {
		t.Fatalf("we have %+v, %v; want %+v", x, err, want)
	}
	x.Enabled = false
	if _, err := e.Update(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	_, out := enginetest.Once(t, e, engine.Start{}, 200_000_001_000)
	if len(out) != 1 || string(out[0].Payload) != `{"id":"{07259775-75fa-43f2-ba7b-05f5a37fb2c8}","applicationID":"`+firefox+`","addonID":"one@sync-manager.example","enabled":false,"source":"amo"}` {
		t.Errorf("what goes up: %s", out[0].Payload)
	}
}

func TestBadRecords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload string
		bad     bool
	}{
		"of a newer kind":        {`{"id":"x","addonID":"a","applicationID":"b","enabled":true,"source":"web","version":9}`, false},
		"enabled missing":        {`{"id":"x","addonID":"a","applicationID":"b","source":"amo"}`, false},
		"enabled a number":       {`{"id":"x","addonID":"a","applicationID":"b","enabled":1,"source":"amo"}`, true},
		"addonID a number":       {`{"id":"x","addonID":1,"applicationID":"b","enabled":true,"source":"amo"}`, true},
		"addonID empty":          {`{"id":"x","addonID":"","applicationID":"b","enabled":true,"source":"amo"}`, true},
		"applicationID an array": {`{"id":"x","addonID":"a","applicationID":[],"enabled":true,"source":"amo"}`, true},
		"source an object":       {`{"id":"x","addonID":"a","applicationID":"b","enabled":true,"source":{}}`, true},
		"no object":              {`7`, true},
	} {
		e := open(t)
		good := enginetest.Record(100, `{"id":"good","addonID":"good","applicationID":"b","enabled":true,"source":"amo"}`)
		m, out := enginetest.Once(t, e, engine.Start{}, 100, engine.Incoming{ID: "x", Modified: 100, Payload: []byte(c.payload)}, good)
		failed := 0
		if c.bad {
			failed = 1
		}
		if m.Failed != failed || m.Applied != 2-failed || len(out) != 0 {
			t.Errorf("%s: merged %+v, %d go up", name, m, len(out))
		}
	}
}

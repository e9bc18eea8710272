package forms_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/internal/test/flattest"
)

var kind = flattest.Kind[*forms.Engine, forms.Entry]{
	Open: func(ctx context.Context, path string, now func() time.Time) (*forms.Engine, error) {
		return forms.Open(ctx, forms.Config{Path: path, Key: [32]byte{1}, Now: now, Rand: rand.Reader})
	},
	Incoming: func(i, version int) engine.Incoming {
		id := engine.ID(fmt.Sprintf("/form%d+", i)) // Firefox's are not base64url
		return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","name":"field %d","value":"v%d"}`, id, i, version)}
	},
	New:        func(i int) forms.Entry { return forms.Entry{Name: fmt.Sprintf("field %d", i), Value: "v0"} },
	ID:         func(r forms.Entry) engine.ID { return r.ID },
	SetVersion: func(r *forms.Entry, version int) { r.Value = fmt.Sprintf("v%d", version) },
	Version: func(r forms.Entry) (version int, err error) {
		_, err = fmt.Sscanf(r.Value, "v%d", &version)
		return version, err
	},
	// The store's own methods: the engine's Update makes another entry.
	Editor:  func(e *forms.Engine) flattest.Editor[forms.Entry] { return e.Store() },
	Invalid: []byte(`{"id":"/form0+","name":"field 0","value":""}`),
}

func open(t testing.TB) *forms.Engine {
	t.Helper()
	e, _ := kind.OpenNew(t)
	return e
}

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, kind.Harness())
}

// TestFirefoxsEntry takes what Firefox wrote, and leaves it as it is.
func TestFirefoxsEntry(t *testing.T) {
	t.Parallel()
	e := open(t)
	in := enginetest.Records(t, "testdata/firefox-esr-153.json")
	m, out := enginetest.Once(t, e, engine.Start{}, 200_000_000_000, in...)
	if m.Applied != 1 || len(out) != 0 {
		t.Fatalf("merged %+v, %d go up; want 1 applied and none up", m, len(out))
	}
	r, err := e.Get(t.Context(), "/DxrbGUjRCqNUiqn")
	if want := (forms.Entry{ID: "/DxrbGUjRCqNUiqn", Name: "email", Value: "bob@example.org"}); err != nil || r != want {
		t.Fatalf("we have %+v, %v; want %+v", r, err, want)
	}
}

// TestAnEditIsAnotherEntry: Firefox passes over a change of an entry that it has.
func TestAnEditIsAnotherEntry(t *testing.T) {
	t.Parallel()
	e := open(t)
	was, err := e.Add(t.Context(), forms.Entry{Name: "city", Value: "Bern"})
	if err != nil {
		t.Fatal(err)
	}
	_, out := enginetest.Once(t, e, engine.Start{}, 100)
	if len(out) != 1 || out[0].TTL != 94_608_000 {
		t.Fatalf("%+v goes up; want one entry for three years", out)
	}
	if r, err := e.Update(t.Context(), was); err != nil || r != was {
		t.Fatalf("an edit that changes nothing: %+v, %v", r, err)
	}
	now, err := e.Update(t.Context(), forms.Entry{ID: was.ID, Name: "city", Value: "Basel"})
	if err != nil || now.ID == was.ID {
		t.Fatalf("the edit gave %+v, %v; want an entry of its own", now, err)
	}
	_, out = enginetest.Once(t, e, engine.Start{}, 300)
	var gone, came bool
	for _, o := range out {
		gone = gone || o.ID == was.ID && o.Payload == nil
		came = came || o.ID == now.ID && o.Payload != nil
	}
	if len(out) != 2 || !gone || !came {
		t.Fatalf("%+v goes up; want a tombstone and an entry", out)
	}

	other, err := e.Add(t.Context(), forms.Entry{Name: "city", Value: "Bern"})
	if err != nil {
		t.Fatal(err)
	}
	other.Value = "Basel"
	if _, err := e.Update(t.Context(), other); !errors.Is(err, engine.ErrDuplicate) {
		t.Fatalf("an edit into what is there: %v", err)
	}
	if _, err := e.Get(t.Context(), other.ID); err != nil {
		t.Fatalf("the refused edit took the entry away: %v", err)
	}
	if _, err := e.Update(t.Context(), was); !errors.Is(err, engine.ErrNotFound) {
		t.Fatalf("an edit of what is gone: %v", err)
	}
}

// TestBadEntries: a bad record does not stop the others, and an entry that Firefox would not
// keep is accepted from other devices, but not from the user.
func TestBadEntries(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", forms.MaxLength+1)
	for name, c := range map[string]struct {
		payload string
		bad     bool
	}{
		"long":              {`{"id":"x","name":"n","value":"` + long + `"}`, false},
		"huge":              {`{"id":"x","name":"n","value":"` + strings.Repeat("x", 1<<20) + `"}`, false},
		"a lone surrogate":  {`{"id":"x","name":"n","value":"a\ud800"}`, false},
		"of a newer kind":   {`{"id":"x","name":"n","value":"v","version":9,"more":{"a":1}}`, false},
		"no name":           {`{"id":"x","value":"v"}`, true},
		"no value":          {`{"id":"x","name":"n"}`, true},
		"value null":        {`{"id":"x","name":"n","value":null}`, true},
		"name a number":     {`{"id":"x","name":1,"value":"v"}`, true},
		"value an object":   {`{"id":"x","name":"n","value":{"secret":1}}`, true},
		"no object":         {`[]`, true},
		"cut off":           {`{"id":"x","name":"n","value":"v`, true},
		"nothing but an id": {`{"id":"x"}`, true},
	} {
		e := open(t)
		good := enginetest.Record(100, `{"id":"good","name":"n","value":"good"}`)
		m, out := enginetest.Once(t, e, engine.Start{}, 100, engine.Incoming{ID: "x", Modified: 100, Payload: []byte(c.payload)}, good)
		failed := 0
		if c.bad {
			failed = 1
		}
		if m.Failed != failed || m.Applied != 2-failed || len(out) != 0 {
			t.Errorf("%s: merged %+v, %d go up", name, m, len(out))
		}
		if c.bad && strings.Contains(fmt.Sprint(m.Problems), "secret") {
			t.Errorf("%s: the problem tells what was typed: %v", name, m.Problems)
		}
	}

	e := open(t)
	for _, entry := range []forms.Entry{{}, {Name: "n"}, {Value: "v"}, {Name: "n", Value: long}, {Name: long, Value: "v"}, {Name: "n", Value: strings.Repeat("🦊", 101)}} {
		var invalid *engine.InvalidError
		if _, err := e.Add(t.Context(), entry); !errors.As(err, &invalid) {
			t.Errorf("adding %.20q: %v", entry, err)
		}
	}
	if _, err := e.Add(t.Context(), forms.Entry{Name: "n", Value: strings.Repeat("🦊", 100)}); err != nil {
		t.Errorf("adding the longest: %v", err)
	}
}

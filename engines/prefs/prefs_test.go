package prefs_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/internal/test/flattest"
)

// kind has a preference "version" in the record of each of many applications.
var kind = flattest.Kind[*prefs.Engine, prefs.Record]{
	Open: func(ctx context.Context, path string, now func() time.Time) (*prefs.Engine, error) {
		return prefs.Open(ctx, prefs.Config{Path: path, Key: [32]byte{1}, Now: now, Rand: rand.Reader})
	},
	Incoming: func(i, version int) engine.Incoming {
		id := engine.ID(fmt.Sprintf("YXBw%08d", i))
		return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","value":{"a":null,"version":%d}}`, id, version)}
	},
	New:        func(int) prefs.Record { return prefs.Record{Value: versioned(0)} },
	ID:         func(r prefs.Record) engine.ID { return r.ID },
	SetVersion: func(r *prefs.Record, version int) { r.Value = versioned(version) },
	Version: func(r prefs.Record) (version int, err error) {
		err = json.Unmarshal(r.Value["version"], &version)
		return version, err
	},
	Editor:  func(e *prefs.Engine) flattest.Editor[prefs.Record] { return editor{e.Store(), e} },
	Invalid: []byte(`{"id":"YXBw00000000","value":[]}`),
	ByID:    true,
}

func versioned(n int) map[string]json.RawMessage {
	return map[string]json.RawMessage{"version": json.RawMessage(fmt.Sprint(n))}
}

// editor edits preferences one by one, as a user does.
type editor struct {
	flattest.Editor[prefs.Record]
	e *prefs.Engine
}

func (ed editor) Update(ctx context.Context, r prefs.Record) (prefs.Record, error) {
	for name, value := range r.Value {
		if _, err := ed.e.Of(r.Application()).Update(ctx, prefs.Pref{Name: name, Value: value}); err != nil {
			return r, err
		}
	}
	return r, nil
}

func open(t testing.TB) *prefs.Engine {
	t.Helper()
	e, _ := kind.OpenNew(t)
	return e
}

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, kind.Harness())
}

func mustSet(t *testing.T, a *prefs.Application, name, value string) {
	t.Helper()
	p := prefs.Pref{Name: name, Value: json.RawMessage(value)}
	_, err := a.Update(t.Context(), p)
	if errors.Is(err, engine.ErrNotFound) {
		_, err = a.Add(t.Context(), p)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func value(t *testing.T, a *prefs.Application, name string) string {
	t.Helper()
	p, err := a.Get(t.Context(), engine.ID(name))
	if errors.Is(err, engine.ErrNotFound) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(p.Value)
}

// TestFirefoxsPreferences takes Firefox's record, and changes one preference in it.
func TestFirefoxsPreferences(t *testing.T) {
	t.Parallel()
	e := open(t)
	in := enginetest.Records(t, "testdata/firefox-esr-153.json")
	if m, out := enginetest.Once(t, e, engine.Start{}, 200_000_000_000, in...); m.Applied != 1 || len(out) != 0 {
		t.Fatalf("merged %+v, %d go up; want 1 applied and none up", m, len(out))
	}
	firefox := e.Of(prefs.Firefox)
	n := 0
	for p, err := range firefox.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if prefs.TypeOf(p.Value) == prefs.Other {
			t.Errorf("%s is of no known type: %s", p.Name, p.Value)
		}
		n++
	}
	if n != 220 {
		t.Fatalf("%d preferences; want 220", n)
	}
	mustSet(t, firefox, "browser.tabs.warnOnOpen", "true")
	_, out := enginetest.Once(t, e, engine.Start{}, 200_000_001_000)
	if len(out) != 1 || out[0].ID != in[0].ID {
		t.Fatalf("%v goes up; want Firefox's record", out)
	}
	var was, is struct{ Value map[string]any }
	if err := errors.Join(json.Unmarshal(in[0].Payload, &was), json.Unmarshal(out[0].Payload, &is)); err != nil {
		t.Fatal(err)
	}
	for name := range was.Value {
		if name == "browser.tabs.warnOnOpen" {
			was.Value[name] = true
		}
		if got, ok := is.Value[name]; !ok || got != was.Value[name] {
			t.Errorf("%s went up as %v; want %v", name, got, was.Value[name])
		}
	}
	if len(is.Value) != len(was.Value) {
		t.Errorf("%d preferences went up; want %d", len(is.Value), len(was.Value))
	}
}

// TestEachPreferenceIsMergedAlone: two devices change, reset and take away different
// ones, and one the same.
func TestEachPreferenceIsMergedAlone(t *testing.T) {
	t.Parallel()
	e := open(t)
	a := e.Of("app")
	id := engine.ID(base64.URLEncoding.EncodeToString([]byte("app")))
	record := func(value string) engine.Incoming {
		return enginetest.Record(400, fmt.Sprintf(`{"id":"%s","value":%s}`, id, value))
	}
	enginetest.Once(t, e, engine.Start{}, 100, record(`{"ours":1,"theirs":1,"both":1,"reset":1,"gone":1,"stays":null,"named":"x"}`))
	mustSet(t, a, "ours", "2")
	mustSet(t, a, "new", `"here"`)
	if err := a.Delete(t.Context(), "reset"); err != nil {
		t.Fatal(err)
	}
	mustSet(t, a, "both", "2")
	// Their change is of the future, by this device's clock.
	in := record(`{"ours":1,"theirs":3,"both":3,"reset":1,"stays":null,"named":null}`)
	in.Modified = 300_000_000_000
	_, out := enginetest.Once(t, e, engine.Start{}, 300_000_000_000, in)
	want := map[string]string{
		"ours": "2", "theirs": "3", "both": "3", "reset": "null", "gone": "none", "stays": "null", "named": "null", "new": `"here"`,
	}
	for name, v := range want {
		if got := value(t, a, name); got != v {
			t.Errorf("%s is %s; want %s", name, got, v)
		}
	}
	if len(out) != 1 || !strings.Contains(string(out[0].Payload), `"reset":null`) {
		t.Errorf("what goes up: %+v", out)
	}
	if _, out := enginetest.Once(t, e, engine.Start{}, 300_000_001_000); len(out) != 0 {
		t.Errorf("it goes up again")
	}
}

// TestAddingAndDeleting: what was reset can be added, and deleted for good.
func TestAddingAndDeleting(t *testing.T) {
	t.Parallel()
	a := open(t).Of(prefs.Firefox)
	ctx := t.Context()
	one := prefs.Pref{Name: "one", Value: json.RawMessage("1")}
	if err := a.Delete(ctx, "one"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("deleting nothing: %v", err)
	}
	if _, err := a.Update(ctx, one); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("changing nothing: %v", err)
	}
	for range 2 {
		if _, err := a.Add(ctx, one); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Add(ctx, one); !errors.Is(err, engine.ErrDuplicate) {
			t.Errorf("adding again: %v", err)
		}
		if err := a.Delete(ctx, "one"); err != nil || value(t, a, "one") != "null" {
			t.Errorf("deleting: %v, it is %s", err, value(t, a, "one"))
		}
	}
	if err := a.Delete(ctx, "one"); err != nil || value(t, a, "one") != "none" {
		t.Errorf("deleting again: %v, it is %s", err, value(t, a, "one"))
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		t    prefs.Type
		want string
	}{
		{"true", prefs.Other, "true"},
		{"false", prefs.Bool, "false"},
		{"-7", prefs.Other, "-7"},
		{"7", prefs.Null, "7"},
		{"7", prefs.String, `"7"`},
		{"007", prefs.Other, `"007"`},
		{"+7", prefs.Other, `"+7"`},
		{"2147483648", prefs.Other, `"2147483648"`},
		{"1.5", prefs.Other, `"1.5"`},
		{"null", prefs.Other, `"null"`},
		{`"quoted"`, prefs.Other, `"\"quoted\""`},
		{"", prefs.Other, `""`},
		{"1", prefs.Bool, ""},
		{"yes", prefs.Bool, ""},
		{"true", prefs.Int, ""},
		{"2147483648", prefs.Int, ""},
		{"", prefs.Int, ""},
	} {
		got, err := prefs.Parse(c.text, c.t)
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q as %q: %s, %v; want %s", c.text, c.t, got, err, c.want)
		}
	}
}

func TestBadRecords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload string
		bad     bool
	}{
		"empty":               {`{"id":"x","value":{}}`, false},
		"of a newer kind":     {`{"id":"x","value":{"a":{"b":1},"c":[1],"d":1.5},"version":9}`, false},
		"an id of no base64":  {`{"id":"x","value":{"a":1}}`, false},
		"huge":                {`{"id":"x","value":{"a":"` + strings.Repeat("x", 5<<20) + `"}}`, false},
		"no value":            {`{"id":"x"}`, true},
		"value null":          {`{"id":"x","value":null}`, true},
		"value a string":      {`{"id":"x","value":"secret"}`, true},
		"value an array":      {`{"id":"x","value":[1]}`, true},
		"no object":           {`"x"`, true},
		"a preference broken": {`{"id":"x","value":{"a":tru}}`, true},
	} {
		e := open(t)
		good := enginetest.Record(100, `{"id":"good","value":{"a":1}}`)
		m, out := enginetest.Once(t, e, engine.Start{}, 100, engine.Incoming{ID: "x", Modified: 100, Payload: []byte(c.payload)}, good)
		failed := 0
		if c.bad {
			failed = 1
		}
		if m.Failed != failed || m.Applied != 2-failed || len(out) != 0 || strings.Contains(fmt.Sprint(m.Problems), "secret") {
			t.Errorf("%s: merged %+v, %d go up", name, m, len(out))
		}
	}
	a := open(t).Of(prefs.Firefox)
	for _, p := range []prefs.Pref{
		{Value: json.RawMessage("1")},
		{Name: "a"},
		{Name: "a", Value: json.RawMessage("[]")},
		{Name: "a", Value: json.RawMessage("1.5")},
		{Name: "a", Value: json.RawMessage("4294967296")},
		{Name: "a", Value: json.RawMessage(`"broken`)},
		{Name: "a", Value: json.RawMessage(`"` + strings.Repeat("x", 1<<20+1) + `"`)},
	} {
		var invalid *engine.InvalidError
		if _, err := a.Add(t.Context(), p); !errors.As(err, &invalid) {
			t.Errorf("adding %q %.20s: %v", p.Name, p.Value, err)
		}
	}
	if _, err := open(t).Of(strings.Repeat("x", 60)).Add(t.Context(), prefs.Pref{Name: "a", Value: json.RawMessage("1")}); err == nil {
		t.Error("an application whose ID cannot be one got a record")
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	a := open(t).Of(prefs.Firefox)
	mustSet(t, a, "have", "1")
	mustSet(t, a, "was reset", "null")
	source := func(yield func(prefs.Pref, error) bool) {
		for i := range 700 {
			if !yield(prefs.Pref{Name: fmt.Sprint("n", i), Value: json.RawMessage("true")}, nil) {
				return
			}
		}
		_ = yield(prefs.Pref{Name: "have", Value: json.RawMessage("2")}, nil) && yield(prefs.Pref{Name: "was reset", Value: json.RawMessage("2")}, nil) &&
			yield(prefs.Pref{Name: "n1", Value: json.RawMessage("false")}, nil) && yield(prefs.Pref{Name: "odd", Value: json.RawMessage("{}")}, nil)
	}
	for _, dry := range []bool{true, false} {
		r, err := a.Import(t.Context(), source, func(p *prefs.Pref) string { return p.Name }, importing.Options{DryRun: dry})
		if err != nil || r.Read != 704 || r.Added != 701 || r.Duplicates != 2 || r.Skipped != 1 || r.Skips[0].Item != "odd" {
			t.Errorf("dry run %v: %+v, %v", dry, r, err)
		}
		want := "2"
		if dry {
			want = "null"
		}
		if got := value(t, a, "was reset"); got != want {
			t.Errorf("dry run %v left %s; want %s", dry, got, want)
		}
	}
	if got := value(t, a, "have"); got != "1" {
		t.Errorf("the import changed what was here to %s", got)
	}
}

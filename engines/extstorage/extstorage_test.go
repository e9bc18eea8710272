package extstorage_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/internal/test/flattest"
)

// kind has a key "version" in what each of many add-ons keeps.
var kind = flattest.Kind[*extstorage.Engine, extstorage.Record]{
	Open: func(ctx context.Context, path string, now func() time.Time) (*extstorage.Engine, error) {
		return extstorage.Open(ctx, extstorage.Config{Path: path, Key: [32]byte{1}, Now: now, Rand: rand.Reader})
	},
	Incoming: func(i, version int) engine.Incoming {
		id := engine.ID(fmt.Sprintf("storage-%d", i))
		return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","extId":"x%d@test.example","data":"{\"version\":%d}"}`, id, i, version)}
	},
	New: func(i int) extstorage.Record {
		return extstorage.Record{ExtID: fmt.Sprintf("x%d@test.example", i), Data: versioned(0)}
	},
	ID:         func(r extstorage.Record) engine.ID { return r.ID },
	SetVersion: func(r *extstorage.Record, version int) { r.Data = versioned(version) },
	Version: func(r extstorage.Record) (version int, err error) {
		err = json.Unmarshal(r.Data["version"], &version)
		return version, err
	},
	Editor:  func(e *extstorage.Engine) flattest.Editor[extstorage.Record] { return editor{e.Store(), e} },
	Invalid: []byte(`{"id":"storage-0","extId":"x0@test.example","data":{"version":0}}`),
}

func versioned(n int) extstorage.Data {
	return extstorage.Data{"version": json.RawMessage(fmt.Sprint(n))}
}

// editor edits keys and clears add-ons' storage, as add-ons do.
type editor struct {
	flattest.Editor[extstorage.Record]
	e *extstorage.Engine
}

func (ed editor) Update(ctx context.Context, r extstorage.Record) (extstorage.Record, error) {
	_, err := ed.e.Of(r.ExtID).Set(ctx, r.Data)
	return r, err
}

func (ed editor) Delete(ctx context.Context, id engine.ID) error {
	r, err := ed.Get(ctx, id)
	if err != nil {
		return err
	}
	_, err = ed.e.Of(r.ExtID).Clear(ctx)
	return err
}

func open(t testing.TB) *extstorage.Engine {
	t.Helper()
	e, _ := kind.OpenNew(t)
	return e
}

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, kind.Harness())
}

// TestFirefoxsStorage takes what an add-on kept in Firefox, and changes one key.
func TestFirefoxsStorage(t *testing.T) {
	t.Parallel()
	e := open(t)
	in := enginetest.Records(t, "testdata/firefox-esr-153.json")
	if m, out := enginetest.Once(t, e, engine.Start{}, 200_000_000_000, in...); m.Applied != 1 || len(out) != 0 {
		t.Fatalf("merged %+v, %d go up; want 1 applied and none up", m, len(out))
	}
	a := e.Of("one@sync-manager.example")
	if got, want := kept(t, a), `{"a key with ü":null,"nested":{"on":true},"sizes":[1,2.5],"theme":"dark"}`; got != want {
		t.Errorf("we have %s; want %s", got, want)
	}
	set(t, a, "theme", `"light"`)
	_, out := enginetest.Once(t, e, engine.Start{}, 200_000_001_000)
	want := `{"id":"-Iyo69-3_q1K","extId":"one@sync-manager.example","data":"{\"a key with ü\":null,\"nested\":{\"on\":true},\"sizes\":[1,2.5],\"theme\":\"light\"}"}`
	if len(out) != 1 || string(out[0].Payload) != want {
		t.Errorf("%s goes up; want %s", out[0].Payload, want)
	}
}

func record(at engine.Timestamp, id, data string) engine.Incoming {
	text, _ := json.Marshal(data)
	return enginetest.Record(at, fmt.Sprintf(`{"id":"%s","extId":"x@y","data":%s}`, id, text))
}

func set(t *testing.T, a *extstorage.Area, key, value string) {
	t.Helper()
	if _, err := a.Set(t.Context(), map[string]json.RawMessage{key: json.RawMessage(value)}); err != nil {
		t.Fatal(err)
	}
}

// kept is the JSON text of what the add-on keeps.
func kept(t *testing.T, a *extstorage.Area) string {
	t.Helper()
	d, err := a.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]json.RawMessage(d))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEachKeyIsMergedAlone: of a key that two devices changed, the one on the server
// stands, although ours is newer.
func TestEachKeyIsMergedAlone(t *testing.T) {
	t.Parallel()
	e := open(t)
	a := e.Of("x@y")
	enginetest.Once(t, e, engine.Start{}, 100, record(100, "r", `{"ours":1,"theirs":1,"both":1,"gone":1,"cut":1,"none":null}`))
	set(t, a, "ours", `{"a": [1, 2]}`)
	set(t, a, "both", "2")
	set(t, a, "cut", "2")
	set(t, a, "none", "2")
	if _, err := a.Remove(t.Context(), "gone", "never was"); err != nil {
		t.Fatal(err)
	}
	_, out := enginetest.Once(t, e, engine.Start{}, 500, record(400, "r", `{"ours":1,"theirs":null,"both":3,"gone":1,"none":null}`))
	if got, want := kept(t, a), `{"both":3,"none":2,"ours":{"a":[1,2]},"theirs":null}`; got != want {
		t.Errorf("we have %s; want %s", got, want)
	}
	if len(out) != 1 || !strings.Contains(string(out[0].Payload), `"extId":"x@y","data":"{`) {
		t.Errorf("what goes up: %+v", out)
	}
	if _, out := enginetest.Once(t, e, engine.Start{}, 700); len(out) != 0 {
		t.Errorf("it goes up again")
	}
}

// TestOneRecordForAnAddon: the account has a record for an add-on that has data here already.
func TestOneRecordForAnAddon(t *testing.T) {
	t.Parallel()
	e := open(t)
	a := e.Of("x@y")
	set(t, a, "both", "1")
	set(t, a, "ours", "1")
	_, out := enginetest.Once(t, e, engine.Start{}, 100, record(100, "theirs", `{"both":2,"theirs":2}`))
	if got, want := kept(t, a), `{"both":2,"ours":1,"theirs":2}`; got != want {
		t.Errorf("we have %s; want %s", got, want)
	}
	if len(out) != 1 || out[0].ID != "theirs" {
		t.Errorf("%+v goes up; want the account's record", out)
	}

	// Emptied, the record stays; cleared, it goes, and what comes next is another.
	if _, err := a.Remove(t.Context(), "both", "ours", "theirs"); err != nil {
		t.Fatal(err)
	}
	if _, out := enginetest.Once(t, e, engine.Start{}, 300); len(out) != 1 || !strings.Contains(string(out[0].Payload), `"data":"{}"`) {
		t.Errorf("%+v goes up; want an empty record", out)
	}
	for range 2 {
		if _, err := a.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, out := enginetest.Once(t, e, engine.Start{}, 500); len(out) != 1 || out[0].Payload != nil {
		t.Errorf("%+v goes up; want a tombstone", out)
	}
	if _, err := a.Remove(t.Context(), "ours"); err != nil {
		t.Fatal(err)
	}
	if n, err := e.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d records, %v; want none", n, err)
	}
}

// TestQuotas holds the user to them, and takes what others wrote as it is.
func TestQuotas(t *testing.T) {
	t.Parallel()
	e := open(t)
	a := e.Of("x@y")
	refused := func(values map[string]json.RawMessage, word string) {
		t.Helper()
		before := kept(t, a)
		var invalid *engine.InvalidError
		if _, err := a.Set(t.Context(), values); !errors.As(err, &invalid) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
		if kept(t, a) != before {
			t.Errorf("%s: a refused edit changed something", word)
		}
	}
	text := func(n int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`) }
	set(t, a, "key", string(text(extstorage.MaxItemBytes-3)))
	refused(map[string]json.RawMessage{"key": text(extstorage.MaxItemBytes - 2)}, "under one key")
	refused(map[string]json.RawMessage{"a": json.RawMessage("1"), "b": json.RawMessage("no JSON")}, "not JSON")
	refused(map[string]json.RawMessage{"a": nil}, "not JSON")
	large := map[string]json.RawMessage{}
	for i := range 12 {
		large[fmt.Sprint(i)] = text(8000)
	}
	refused(large, "all that the add-on keeps")
	many := map[string]json.RawMessage{}
	for i := range extstorage.MaxItems {
		many[fmt.Sprint(i)] = json.RawMessage("1")
	}
	refused(many, "513 keys")
	delete(many, "7")
	if _, err := a.Set(t.Context(), many); err != nil {
		t.Errorf("as many keys as there may be: %v", err)
	}

	// Another device's data is over all three quotas.
	over := fmt.Sprintf(`{"big":"%s"`, strings.Repeat("x", 200_000))
	for i := range 600 {
		over += fmt.Sprintf(`,"k%d":%d`, i, i)
	}
	e = open(t)
	a = e.Of("x@y")
	if m, _ := enginetest.Once(t, e, engine.Start{}, 100, record(100, "r", over+"}")); m.Applied != 1 {
		t.Fatalf("merged %+v; want all taken", m)
	}
	refused(map[string]json.RawMessage{"k1": json.RawMessage("2")}, "601 keys")
	if _, err := a.Remove(t.Context(), "k1"); err != nil {
		t.Errorf("removing a key: %v", err)
	}
	_, out := enginetest.Once(t, e, engine.Start{}, 300)
	if len(out) != 1 || len(out[0].Payload) < 200_000 {
		t.Errorf("%d records go up; want all but the key", len(out))
	}
}

func TestBadRecords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload string
		bad     bool
	}{
		"empty":                  {`{"id":"x","extId":"a","data":"{}"}`, false},
		"of a newer kind":        {`{"id":"x","extId":"a","data":" { \"a\" : {\"b\":[1.50]} } ","version":9}`, false},
		"huge":                   {`{"id":"x","extId":"a","data":"{\"a\":\"` + strings.Repeat("x", 2<<20) + `\"}"}`, false},
		"no extId":               {`{"id":"x","data":"{}"}`, true},
		"extId a number":         {`{"id":"x","extId":7,"data":"{}"}`, true},
		"no data":                {`{"id":"x","extId":"a"}`, true},
		"data null":              {`{"id":"x","extId":"a","data":null}`, true},
		"data an object":         {`{"id":"x","extId":"a","data":{"secret":1}}`, true},
		"data no JSON":           {`{"id":"x","extId":"a","data":"secret"}`, true},
		"data the text of array": {`{"id":"x","extId":"a","data":"[]"}`, true},
		"data cut off":           {`{"id":"x","extId":"a","data":"{\"secret\":1"}`, true},
		"data nested deeply":     {`{"id":"x","extId":"a","data":"{\"a\":` + strings.Repeat("[", 10_000) + `}"}`, true},
		"no object":              {`null`, true},
	} {
		e := open(t)
		good := enginetest.Record(100, `{"id":"good","extId":"good","data":"{\"a\":1}"}`)
		m, out := enginetest.Once(t, e, engine.Start{}, 100, engine.Incoming{ID: "x", Modified: 100, Payload: []byte(c.payload)}, good)
		failed := 0
		if c.bad {
			failed = 1
		}
		if m.Failed != failed || m.Applied != 2-failed || len(out) != 0 || strings.Contains(fmt.Sprint(m.Problems), "secret") {
			t.Errorf("%s: merged %+v, %d go up", name, m, len(out))
		}
	}
}

// TestItems goes through single keys of all add-ons.
func TestItems(t *testing.T) {
	t.Parallel()
	e := open(t)
	items, ctx := e.Items(), t.Context()
	one := extstorage.Item{ExtID: "b@y", Key: "a key", Value: json.RawMessage("1")}
	if _, err := items.Update(ctx, one); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("changing nothing: %v", err)
	}
	for _, i := range []extstorage.Item{one, {ExtID: "b@y", Key: "", Value: json.RawMessage("2")}, {ExtID: "a@y", Key: "z", Value: json.RawMessage("3")}} {
		if _, err := items.Add(ctx, i); err != nil {
			t.Fatal(err)
		}
		if _, err := items.Add(ctx, i); !errors.Is(err, engine.ErrDuplicate) {
			t.Errorf("adding again: %v", err)
		}
	}
	for _, ext := range []string{"", "a b"} {
		if _, err := items.Add(ctx, extstorage.Item{ExtID: ext, Key: "k", Value: json.RawMessage("1")}); err == nil {
			t.Errorf("%q passed for an add-on's ID", ext)
		}
	}
	one.Value = json.RawMessage(`{ "x": true }`)
	if _, err := items.Update(ctx, one); err != nil {
		t.Fatal(err)
	}
	var list []string
	for i, err := range items.List(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(i.ID())+"="+string(i.Value))
	}
	if got, want := strings.Join(list, ", "), `a@y z=3, b@y =2, b@y a key={"x":true}`; got != want {
		t.Errorf("listed %s; want %s", got, want)
	}
	if i, err := items.Get(ctx, "b@y a key"); err != nil || i.Key != "a key" {
		t.Errorf("got %+v, %v", i, err)
	}
	source := func(yield func(extstorage.Item, error) bool) {
		_ = yield(one, nil) && yield(extstorage.Item{ExtID: "c@y", Key: "k", Value: json.RawMessage("1")}, nil) &&
			yield(extstorage.Item{ExtID: "c@y", Key: "l", Value: json.RawMessage("no")}, nil)
	}
	r, err := items.Import(ctx, source, func(i *extstorage.Item) string { return string(i.ID()) }, importing.Options{})
	if err != nil || r.Added != 1 || r.Duplicates != 1 || r.Skipped != 1 || r.Skips[0].Item != "c@y l" {
		t.Errorf("imported %+v, %v", r, err)
	}
	if err := items.Delete(ctx, "b@y a key"); err != nil {
		t.Fatal(err)
	}
	if err := items.Delete(ctx, "b@y a key"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("deleting nothing: %v", err)
	}
}

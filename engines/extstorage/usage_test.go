package extstorage_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/extstorage"
)

func values(pairs ...string) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return all
}

// Calls that change storage return the changes, as add-ons get them.
func TestChanges(t *testing.T) {
	t.Parallel()
	e := open(t)
	ctx := t.Context()
	a := e.Of("x@y")
	look := func(what string, changed []extstorage.KeyChange, err error, want ...string) {
		t.Helper()
		var got []string
		for _, c := range changed {
			got = append(got, fmt.Sprintf("%s: %s to %s", c.Key, c.Old, c.New))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", what, got, err, want)
		}
	}
	changed, err := a.Remove(ctx, "never was")
	look("remove of nothing", changed, err)
	changed, err = a.Clear(ctx)
	look("clear of nothing", changed, err)
	changed, err = a.Set(ctx, values("b", "[1, 2]", "a", "1"))
	look("set", changed, err, "a:  to 1", "b:  to [1,2]")
	changed, err = a.Set(ctx, values("b", "[ 1,2 ]", "a", "2", "c", "null"))
	look("set again", changed, err, "a: 1 to 2", "c:  to null")
	changed, err = a.Set(ctx, values("d", "1", "e", "no JSON"))
	if err == nil || changed != nil {
		t.Errorf("a refused set tells of %v, %v", changed, err)
	}
	changed, err = a.Remove(ctx, "c", "never was", "a", "a")
	look("remove", changed, err, "a: 2 to ", "c: null to ")
	changed, err = a.Clear(ctx)
	look("clear", changed, err, "b: [1,2] to ")
	changed, err = a.Clear(ctx)
	look("clear again", changed, err)
}

func TestKeysAndBytesInUse(t *testing.T) {
	t.Parallel()
	e := open(t)
	ctx := t.Context()
	a := e.Of("x@y")
	look := func(want []string, all int) {
		t.Helper()
		if got, err := a.Keys(ctx); err != nil || !slices.Equal(got, want) {
			t.Errorf("the keys are %q, %v; want %q", got, err, want)
		}
		if n, err := a.BytesInUse(ctx); err != nil || n != all {
			t.Errorf("%d bytes are in use, %v; want %d", n, err, all)
		}
	}
	look(nil, 0)
	// White space in what another device wrote does not count.
	sync := `{"id":"r1","extId":"x@y","data":"{\"théme\": \"dark\", \"n\": [1, 2]}"}`
	syncIn(t, e, sync)
	look([]string{"n", "théme"}, 6+6+1+5)
	for _, x := range []struct {
		keys []string
		want int
	}{{[]string{"n"}, 6}, {[]string{"n", "n", "none"}, 6}, {[]string{"none"}, 0}, {[]string{"n", "théme"}, 18}} {
		if n, err := a.BytesInUse(ctx, x.keys...); err != nil || n != x.want {
			t.Errorf("%q take %d bytes, %v; want %d", x.keys, n, err, x.want)
		}
	}
	if n, err := e.Of("nobody@y").BytesInUse(ctx); err != nil || n != 0 {
		t.Errorf("an add-on without storage uses %d, %v", n, err)
	}
}

func syncIn(t *testing.T, e *extstorage.Engine, record string) {
	t.Helper()
	s, err := e.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stage(t.Context(), []engine.Incoming{{ID: "r1", Modified: 8, Payload: []byte(record)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Merge(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	if err := s.End(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

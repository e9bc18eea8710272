package extstorage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/extstorage"
)

// synced writes what syncs changed since it was called last, one line for a key.
func synced(e *extstorage.Engine) (lines []string) {
	all, more := e.SyncedChanges()
	for _, c := range all {
		for _, k := range c.Keys {
			lines = append(lines, fmt.Sprintf("%s %s: %s to %s", c.ExtID, k.Key, k.Old, k.New))
		}
	}
	if more {
		lines = append(lines, "more")
	}
	return lines
}

// TestWhatASyncChangedByKey: an add-on is told of each key that another device changed, with the
// value before and after, and of none that it changed itself.
func TestWhatASyncChangedByKey(t *testing.T) {
	t.Parallel()
	e := open(t)
	a := e.Of("x@y")
	look := func(what string, want ...string) {
		t.Helper()
		if got := synced(e); !slices.Equal(got, want) {
			t.Errorf("%s: %q\nwant %q", what, got, want)
		}
	}
	look("before any sync")
	next, stop := iter.Pull(e.Watch(t.Context()))
	defer stop()
	enginetest.Once(t, e, engine.Start{}, 100, record(100, "r", `{"a":1,"b":[1, 2],"c":null}`))
	if c, ok := next(); !ok || !c.Sync {
		t.Fatalf("%+v, %v", c, ok)
	}
	look("a record that is new here", "x@y a:  to 1", "x@y b:  to [1, 2]", "x@y c:  to null")
	look("asked again")
	set(t, a, "own", "1")
	set(t, a, "a", "5")
	look("an edit here")
	enginetest.Once(t, e, engine.Start{}, 300, record(200, "r", `{"a":1,"b":[ 1,2 ],"d":{"e":"f"}}`))
	look("a merge", "x@y c: null to ", `x@y d:  to {"e":"f"}`)
	enginetest.Once(t, e, engine.Start{}, 500, record(400, "r", `{"a":7,"own":1}`))
	enginetest.Once(t, e, engine.Start{}, 700, record(600, "r", `{"a":8,"own":1}`))
	look("two syncs", "x@y a: 5 to 7", "x@y b: [ 1,2 ] to ", `x@y d: {"e":"f"} to `, "x@y a: 7 to 8")
	enginetest.Once(t, e, engine.Start{}, 900, engine.Incoming{ID: "r", Modified: 800})
	look("another device cleared it", "x@y a: 8 to ", "x@y own: 1 to ")

	// The account has a record for an add-on that this device has data of.
	set(t, a, "mine", "1")
	set(t, a, "both", "1")
	enginetest.Once(t, e, engine.Start{}, 1100, record(1000, "other", `{"theirs":2,"both":3}`))
	look("two records become one", "x@y both: 1 to 3", "x@y theirs:  to 2")
}

// TestSyncedChangesAreBounded: a device that sends too much makes the app read all again, and costs
// no memory; afterwards it goes on.
func TestSyncedChangesAreBounded(t *testing.T) {
	t.Parallel()
	e := open(t)
	var many []engine.Incoming
	big, err := json.Marshal(map[string]string{"k": strings.Repeat("x", 100_000)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(string(big))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		many = append(many, enginetest.Record(100, fmt.Sprintf(`{"id":"r%d","extId":"x%d","data":%s}`, i, i, text)))
	}
	enginetest.Once(t, e, engine.Start{}, 100, many...)
	if got := synced(e); !slices.Equal(got, []string{"more"}) {
		t.Errorf("%d lines for 5 MB", len(got))
	}
	keys := map[string]int{}
	for i := range extstorage.MaxSynced + 1 {
		keys[fmt.Sprint(i)] = i
	}
	data, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Once(t, e, engine.Start{}, 300, record(200, "r", string(data)))
	if got := synced(e); !slices.Equal(got, []string{"more"}) {
		t.Errorf("%d lines for too many keys", len(got))
	}
	enginetest.Once(t, e, engine.Start{}, 500, enginetest.Record(400, `{"id":"r0","extId":"x0","data":"{\"k\":1}"}`))
	if got := synced(e); len(got) != 1 || !strings.HasPrefix(got[0], `x0 k: "xxx`) || !strings.HasSuffix(got[0], `xxx" to 1`) {
		t.Errorf("afterwards: %.100q", got)
	}
}

// TestAQuotaIsNamed: an add-on is told which one, as its own API names it.
func TestAQuotaIsNamed(t *testing.T) {
	t.Parallel()
	e := open(t)
	a := e.Of("x@y")
	many := map[string]json.RawMessage{}
	for i := range extstorage.MaxItems + 1 {
		many[fmt.Sprint(i)] = json.RawMessage("1")
	}
	large := map[string]json.RawMessage{}
	for i := range 14 {
		large[fmt.Sprint(i)] = json.RawMessage(`"` + strings.Repeat("x", 8000) + `"`)
	}
	for name, test := range map[string]struct {
		set  map[string]json.RawMessage
		want extstorage.QuotaError
	}{
		"an item": {values("key", `"`+strings.Repeat("x", 9000)+`"`), extstorage.QuotaError{Quota: extstorage.QuotaItemBytes, Limit: 8192, Size: 9005, Key: "key"}},
		"keys":    {many, extstorage.QuotaError{Quota: extstorage.QuotaItems, Limit: 512, Size: 513}},
		"all":     {large, extstorage.QuotaError{Quota: extstorage.QuotaBytes, Limit: 102_400, Size: 112_103}},
	} {
		_, err := a.Set(t.Context(), test.set)
		quota, ok := errors.AsType[*extstorage.QuotaError](err)
		if !ok || *quota != test.want || !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%s: %+v, %v", name, quota, err)
		}
	}
	if d, err := a.Get(t.Context()); err != nil || len(d) != 0 {
		t.Errorf("kept %d keys, %v", len(d), err)
	}
}

func TestPickFillsInDefaults(t *testing.T) {
	t.Parallel()
	e := open(t)
	a := e.Of("x@y")
	set(t, a, "theme", `"dark"`)
	set(t, a, "none", `null`)
	set(t, a, "other", `1`)
	got, err := a.Pick(t.Context(), map[string]json.RawMessage{"theme": json.RawMessage(`"light"`), "none": json.RawMessage(`1`), "size": json.RawMessage(`12`), "absent": nil})
	text, _ := json.Marshal(map[string]json.RawMessage(got))
	if want := `{"none":null,"size":12,"theme":"dark"}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v; want %s", text, err, want)
	}
	if got, err := e.Of("unknown@y").Pick(t.Context(), values("size", "12")); err != nil || len(got) != 1 || string(got["size"]) != "12" {
		t.Errorf("of an add-on without data: %v, %v", got, err)
	}
}

package interop_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestExtensionStorage installs an add-on in Firefox that stores keys, and sets, changes and
// removes them in both directions.
func TestExtensionStorage(t *testing.T) {
	t.Parallel()
	const ext, other = "keeper@sync-manager.example", "other@sync-manager.example"
	w := testenv.Listen(t)
	ff := firefoxWithAddons(t, w)
	d := w.Device("our device", ann)
	e := testenv.Open(d, func(o extstorage.Config) (*extstorage.Engine, error) { return extstorage.Open(t.Context(), o) })
	a := e.Of(ext)
	for _, id := range []string{ext, other} {
		check(t, ff.InstallTemporaryAddon(t.Context(), addonFile(t, id)))
	}
	call := func(id, format string, args ...any) string {
		t.Helper()
		raw, err := ff.Storage(t.Context(), id, fmt.Sprintf(format, args...))
		check(t, err)
		var text string
		_ = json.Unmarshal(raw, &text) // a call without a result has no text
		return text
	}
	set := func(key, value string) {
		t.Helper()
		_, err := a.Set(t.Context(), map[string]json.RawMessage{key: json.RawMessage(value)})
		check(t, err)
	}
	// agree fails unless both store exactly this, as JSON text with sorted keys.
	agree := func(want string) {
		t.Helper()
		data, err := a.Get(t.Context())
		check(t, err)
		ours, err := json.Marshal(map[string]json.RawMessage(data))
		check(t, err)
		var there map[string]json.RawMessage
		check(t, json.Unmarshal([]byte(call(ext, "get()")), &there))
		theirs, err := json.Marshal(there)
		check(t, err)
		if string(ours) != want || string(theirs) != want {
			t.Fatalf("we have %s, Firefox has %s; want %s", ours, theirs, want)
		}
	}
	const name = "extension-storage"

	// Both have data of the add-on before their first sync: the account's data, which is
	// Firefox's, wins.
	call(ext, "set({theirs: 1, both: 'Firefox'})")
	set("ours", `{"a":[1,null,"ü"]}`)
	set("both", `"here"`)
	syncTheirs(t, ff, name)
	syncOurs(t, d, name)
	syncTheirs(t, ff, name)
	agree(`{"both":"Firefox","ours":{"a":[1,null,"ü"]},"theirs":1}`)
	atRest(t, d, ff, name)

	// Each changes a key, adds one and removes one; both change the same key.
	set("ours", "2")
	set("new here", "true")
	set("both", `"again here"`)
	_, err := a.Remove(t.Context(), "theirs")
	check(t, err)
	call(ext, "set({'new there': null, both: 'again there'})")
	syncTheirs(t, ff, name)
	syncOurs(t, d, name)
	syncTheirs(t, ff, name)
	agree(`{"both":"again there","new here":true,"new there":null,"ours":2}`)
	set("both", `"we are first"`)
	call(ext, "set({both: 'too late'})")
	call(ext, "remove(['ours'])")
	syncOurs(t, d, name)
	syncTheirs(t, ff, name)
	syncOurs(t, d, name)
	agree(`{"both":"we are first","new here":true,"new there":null}`)
	atRest(t, d, ff, name)

	// This add-on is not yet known to Firefox, and others filled its quota.
	_, err = e.Of(other).Set(t.Context(), map[string]json.RawMessage{"large": json.RawMessage(`"` + strings.Repeat("x", 8000) + `"`)})
	check(t, err)
	syncOurs(t, d, name)
	syncTheirs(t, ff, name)
	if got := call(other, "get()"); len(got) != 8000+len(`{"large":""}`) {
		t.Errorf("Firefox has %d bytes of the other add-on", len(got))
	}

	// Each clears what the other has.
	_, err = a.Clear(t.Context())
	check(t, err)
	call(other, "clear()")
	syncOurs(t, d, name)
	syncTheirs(t, ff, name)
	syncOurs(t, d, name)
	agree(`{}`)
	if got, err := e.Of(other).Get(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("we have %v of the other add-on, %v", got, err)
	}
	if n, err := e.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d records, %v; want none", n, err)
	}
	atRest(t, d, ff, name)
}

package interop_test

import (
	"encoding/json"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestPrefs goes through preferences that are set, changed and reset, in both
// directions.
func TestPrefs(t *testing.T) {
	t.Parallel()
	const (
		rows     = "browser.urlbar.maxRichResults"                     // an int
		recent   = "browser.ctrlTab.sortByRecentlyUsed"                // a bool
		homepage = "browser.startup.homepage"                          // a string
		control  = "services.sync.prefs.sync.browser.startup.homepage" // whether homepage syncs
		own      = "sync-manager.test"                                 // one that Firefox does not sync by itself
	)
	w := testenv.Listen(t)
	ff := firefox(t, w)
	d := w.Device("our device", ann)
	e := testenv.Open(d, func(o prefs.Config) (*prefs.Engine, error) { return prefs.Open(t.Context(), o) })
	a := e.Of(prefs.Firefox)
	set := func(name, value string) {
		t.Helper()
		p := prefs.Pref{Name: name, Value: json.RawMessage(value)}
		_, err := a.Get(t.Context(), engine.ID(name))
		if err == nil {
			_, err = a.Update(t.Context(), p)
		} else {
			_, err = a.Add(t.Context(), p)
		}
		check(t, err)
	}
	setTheirs := func(name string, value any) {
		t.Helper()
		check(t, ff.SetPref(t.Context(), name, value))
	}
	theirs := func(name, want string) {
		t.Helper()
		if got, err := ff.Pref(t.Context(), name); err != nil || got != want {
			t.Errorf("Firefox has %s of %s, %v; want %s", got, name, err, want)
		}
	}
	// agree fails unless the preference has this value on both sides.
	agree := func(name, want string) {
		t.Helper()
		theirs(name, want)
		if ours, err := a.Get(t.Context(), engine.ID(name)); err != nil || string(ours.Value) != want {
			t.Errorf("we have %s of %s, %v; want %s", ours.Value, name, err, want)
		}
	}

	// Firefox has its own values, and our device sets a preference that has its default in
	// Firefox.
	setTheirs(rows, 7)
	syncTheirs(t, ff, "prefs")
	set(recent, "true")
	syncOurs(t, d, "prefs")
	syncTheirs(t, ff, "prefs")
	syncOurs(t, d, "prefs")
	agree(rows, "7")
	agree(recent, "true")
	atRest(t, d, ff, "prefs")

	// Each changes what the other set, of every type.
	set(rows, "8")
	set(homepage, `"https://ours.example/ü"`)
	syncOurs(t, d, "prefs")
	syncTheirs(t, ff, "prefs")
	setTheirs(recent, false)
	syncTheirs(t, ff, "prefs")
	syncOurs(t, d, "prefs")
	agree(rows, "8")
	agree(homepage, `"https://ours.example/ü"`)
	theirs(recent, "null") // the default value
	atRest(t, d, ff, "prefs")

	// Both change different ones, and one the same, before either syncs. Firefox does not
	// merge, so it must sync first.
	set(rows, "5")
	set(homepage, `"https://ours.example/2"`)
	setTheirs(recent, true)
	setTheirs(homepage, "https://theirs.example/")
	syncTheirs(t, ff, "prefs")
	syncOurs(t, d, "prefs")
	syncTheirs(t, ff, "prefs")
	agree(rows, "5")
	agree(recent, "true")
	agree(homepage, `"https://theirs.example/"`) // the later record
	atRest(t, d, ff, "prefs")

	// These are resets. For a preference that was ever set there, Firefox writes the default
	// and not null.
	check(t, a.Delete(t.Context(), rows))
	syncOurs(t, d, "prefs")
	syncTheirs(t, ff, "prefs")
	setTheirs(homepage, nil)
	syncTheirs(t, ff, "prefs")
	syncOurs(t, d, "prefs")
	theirs(rows, "null")
	theirs(homepage, "null")
	if ours, err := a.Get(t.Context(), homepage); err != nil || string(ours.Value) != `"about:home"` {
		t.Errorf("we have %s of the homepage, %v; want Firefox's default", ours.Value, err)
	}
	atRest(t, d, ff, "prefs")

	// Firefox accepts a preference only if its control preference exists and is true.
	set(control, "false")
	set(homepage, `"https://refused.example/"`)
	set(own, "1")
	syncOurs(t, d, "prefs")
	syncTheirs(t, ff, "prefs")
	theirs(control, "false")
	theirs(homepage, "null")
	theirs(own, "null")
	set(control, "true")
	setTheirs("services.sync.prefs.sync."+own, true)
	syncTheirs(t, ff, "prefs")
	syncOurs(t, d, "prefs")
	set(homepage, `"https://taken.example/"`)
	set(own, "2")
	syncOurs(t, d, "prefs")
	syncTheirs(t, ff, "prefs")
	agree(homepage, `"https://taken.example/"`)
	agree(own, "2")
	atRest(t, d, ff, "prefs")
}

package interop_test

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// addonFile writes the XPI of an add-on that has a page of its own, page.html.
func addonFile(t *testing.T, id string) string {
	t.Helper()
	manifest, err := json.Marshal(map[string]any{
		"manifest_version": 2, "name": id, "version": "1.0", "permissions": []string{"storage"},
		"browser_specific_settings": map[string]any{"gecko": map[string]string{"id": id}},
	})
	check(t, err)
	path := filepath.Join(t.TempDir(), "addon.xpi")
	file, err := os.Create(path)
	check(t, err)
	z := zip.NewWriter(file)
	for name, text := range map[string]string{"manifest.json": string(manifest), "page.html": "<!doctype html><title>" + id + "</title>"} {
		w, err := z.Create(name)
		check(t, err)
		_, err = w.Write([]byte(text))
		check(t, err)
	}
	check(t, z.Close())
	check(t, file.Close())
	return path
}

// firefoxWithAddons starts a Firefox that is signed in and accepts add-ons without a signature.
func firefoxWithAddons(t *testing.T, w *testenv.Env) *firefoxsync.Firefox {
	t.Helper()
	return firefoxWith(t, w, map[string]any{
		"xpinstall.signatures.required": false,
		// No server answers there: a search for an add-on fails at once.
		"extensions.getAddons.get.url": w.URL + "/no-add-ons",
	})
}

// TestAddons has two add-ons in Firefox, and disables, enables and uninstalls them in
// both directions.
func TestAddons(t *testing.T) {
	t.Parallel()
	const one, two = "one@sync-manager.example", "two@sync-manager.example"
	w := testenv.Listen(t)
	ff := firefoxWithAddons(t, w)
	d := w.Device("our device", ann)
	e := testenv.Open(d, func(o addons.Config) (*addons.Engine, error) { return addons.Open(t.Context(), o) })
	for _, id := range []string{one, two} {
		check(t, ff.InstallAddon(t.Context(), addonFile(t, id)))
	}
	check(t, ff.InstallTemporaryAddon(t.Context(), addonFile(t, "temporary@sync-manager.example")))
	ours := func() map[string]addons.Addon {
		t.Helper()
		all := map[string]addons.Addon{}
		for x, err := range e.List(t.Context()) {
			check(t, err)
			all[x.AddonID] = x
		}
		return all
	}
	// agree fails unless both have just these add-ons, enabled or not.
	agree := func(want map[string]bool) {
		t.Helper()
		list, err := ff.Addons(t.Context())
		check(t, err)
		here, there := map[string]bool{}, map[string]bool{}
		for id, x := range ours() {
			here[id] = x.Enabled
		}
		for _, x := range list {
			there[x.ID] = x.Enabled
			if o := ours()[x.ID]; string(o.ID) != x.GUID {
				t.Errorf("%s is %s here and %s in Firefox", x.ID, o.ID, x.GUID)
			}
		}
		if !maps.Equal(here, want) || !maps.Equal(there, want) {
			t.Fatalf("we have %v, Firefox has %v; want %v", here, there, want)
		}
	}
	enable := func(id string, enabled bool) {
		t.Helper()
		x := ours()[id]
		x.Enabled = enabled
		_, err := e.Update(t.Context(), x)
		check(t, err)
	}

	// rest is atRest, except for Firefox's echo: it sends a change from our record back once.
	rest := func() {
		t.Helper()
		syncTheirs(t, ff, "addons")
		if sent := syncOurs(t, d, "addons"); sent > 0 {
			t.Errorf("we sent %d records after Firefox's echo", sent)
		}
		atRest(t, d, ff, "addons")
	}

	// Firefox writes a record of each add-on except the temporary one.
	syncTheirs(t, ff, "addons")
	syncOurs(t, d, "addons")
	agree(map[string]bool{one: true, two: true})
	if x := ours()[one]; x.ApplicationID != prefs.Firefox || x.Source != "amo" {
		t.Errorf("Firefox wrote %+v", x)
	}
	rest()

	// Each disables one, and enables the other's.
	enable(one, false)
	check(t, ff.EnableAddon(t.Context(), two, false))
	syncOurs(t, d, "addons")
	syncTheirs(t, ff, "addons")
	syncOurs(t, d, "addons")
	agree(map[string]bool{one: false, two: false})
	enable(two, true)
	check(t, ff.EnableAddon(t.Context(), one, true))
	syncTheirs(t, ff, "addons")
	syncOurs(t, d, "addons")
	syncTheirs(t, ff, "addons")
	agree(map[string]bool{one: true, two: true})
	rest()

	// Both disable the same.
	enable(one, false)
	check(t, ff.EnableAddon(t.Context(), one, false))
	syncOurs(t, d, "addons")
	syncTheirs(t, ff, "addons")
	syncOurs(t, d, "addons")
	agree(map[string]bool{one: false, two: true})
	rest()

	// A deletion here uninstalls there, and the other way round.
	check(t, e.Delete(t.Context(), ours()[one].ID))
	check(t, ff.UninstallAddon(t.Context(), two))
	syncOurs(t, d, "addons")
	syncTheirs(t, ff, "addons")
	syncOurs(t, d, "addons")
	agree(map[string]bool{})
	rest()

	// Firefox ignores records of other applications and other sources.
	for _, x := range []addons.Addon{
		{AddonID: "mobile@sync-manager.example", ApplicationID: "{aa3c5121-dab2-40e2-81ca-7ea25febc110}", Enabled: true, Source: "amo"},
		{AddonID: "web@sync-manager.example", ApplicationID: prefs.Firefox, Enabled: true, Source: "web"},
	} {
		_, err := e.Add(t.Context(), x)
		check(t, err)
	}
	syncOurs(t, d, "addons")
	syncTheirs(t, ff, "addons")
	rest()

	// Firefox looks for a missing add-on at addons.mozilla.org. Here no server answers: that
	// record fails, and the others are applied.
	_, err := e.Add(t.Context(), addons.Addon{AddonID: "nowhere@sync-manager.example", ApplicationID: prefs.Firefox, Enabled: true, Source: "amo"})
	check(t, err)
	syncOurs(t, d, "addons")
	r, err := ff.Sync(t.Context())
	var partial *firefoxsync.SyncError
	if x := r.Engines["addons"]; !errors.As(err, &partial) || x.Failed != 1 || x.Error != "" {
		t.Errorf("Firefox's sync ended with %v: %+v", err, x)
	}
	if list, err := ff.Addons(t.Context()); err != nil || len(list) > 0 || len(ours()) != 3 {
		t.Errorf("we have %v, Firefox has %v, %v", ours(), list, err)
	}
}

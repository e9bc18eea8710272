package interop_test

import (
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/marionette"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// commandLine is the command, with a profile of its own.
type commandLine struct {
	t             *testing.T
	path, profile string
}

func newCommandLine(t *testing.T) *commandLine {
	t.Helper()
	dir := t.TempDir()
	c := &commandLine{t, filepath.Join(dir, "syncmanager"), filepath.Join(dir, "profile")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", c.path, "../cmd/syncmanager").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return c
}

// run runs the command with a secret on stdin, and reads what it prints as JSON.
func (c *commandLine) run(result any, secret string, args ...string) {
	c.t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(c.t.Context(), c.path, append([]string{"--json", "--profile", c.profile}, args...)...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(secret+"\n"), &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("%q: %v: %s%s", args, err, out, stderr.String())
	}
	check(c.t, json.Unmarshal(out, result))
}

// fillPlacesABit adds a bookmark and a visit.
const fillPlacesABit = `
	const { PlacesUtils } = ChromeUtils.importESModule("resource://gre/modules/PlacesUtils.sys.mjs");
	await PlacesUtils.bookmarks.insert({ parentGuid: PlacesUtils.bookmarks.toolbarGuid, url: "https://mark.example/", title: "Mark", guid: "markmarkmark" });
	await PlacesUtils.history.insert({ url: "https://visited.example/", title: "Visited", visits: [{ date: new Date(1700000000000) }] });
	return null;`

// TestImportOfFirefox: the command imports all data of a running Firefox. A second import does
// no harm, and another Firefox gets the data from the account.
func TestImportOfFirefox(t *testing.T) {
	t.Parallel()
	const password = "prímary 😀"
	dir := t.TempDir()
	ff := marionette.StartTest(t, marionette.Options{Profile: dir, Prefs: map[string]any{"xpinstall.signatures.required": false}})
	_, err := ff.Chrome(t.Context(), fillProfile, password, extension(t))
	check(t, err)
	_, err = ff.Chrome(t.Context(), fillPlacesABit)
	check(t, err)

	type counts struct {
		Read, Added, Updated, Duplicates, Skipped int
		Error                                     string
	}
	c := newCommandLine(t)
	bring := func(more ...string) map[string]counts {
		t.Helper()
		var r map[string]counts
		c.run(&r, password, append([]string{"import", "--firefox-profile", dir, "--primary-password-stdin"}, more...)...)
		// A running Firefox sets preferences by itself: their number is unknown.
		if r["prefs"].Read == 0 || r["prefs"].Error != "" {
			t.Errorf("prefs: %+v", r["prefs"])
		}
		delete(r, "prefs")
		return r
	}
	dry := bring("--dry-run")
	if again := bring("--dry-run"); !maps.Equal(again, dry) {
		t.Errorf("a dry run kept something:\n%+v, then\n%+v", dry, again)
	}
	done := bring()
	if !maps.Equal(done, dry) {
		t.Errorf("the dry run promised\n%+v and it became\n%+v", dry, done)
	}
	for kind, want := range map[string]counts{
		"passwords": {Read: 2, Added: 2}, "cards": {Read: 1, Added: 1}, "addresses": {Read: 1, Added: 1},
		"forms": {Read: 2, Added: 2}, "addons": {Read: 1, Skipped: 1}, "storage": {Read: 1, Added: 1},
		"history": {Read: 1, Added: 1},
	} {
		if done[kind] != want {
			t.Errorf("%s: %+v; want %+v", kind, done[kind], want)
		}
	}
	if got := done["bookmarks"]; got.Added == 0 || got.Error != "" {
		t.Errorf("bookmarks: %+v", got)
	}
	again := bring()
	for kind, was := range done {
		if want := (counts{Read: was.Read, Duplicates: was.Added, Skipped: was.Skipped}); again[kind] != want {
			t.Errorf("%s again: %+v; want %+v", kind, again[kind], want)
		}
	}
	check(t, ff.Quit(t.Context()))

	w := testenv.Listen(t)
	var ignored any
	c.run(&ignored, testenv.Password, "login", "--server", w.URL, "--email", ann, "--create", "--password-stdin")
	var synced struct{ Status string }
	c.run(&synced, "", "sync")
	other := firefoxWith(t, w, autofillPrefs)
	syncFirefox(t, other)
	if got, want := loginsOf(t, other), map[string]string{
		"https://form.example user ü": `p😀ss"\`, "https://basic.example:8443 ": strings.Repeat("x", 1000),
	}; !maps.Equal(got, want) || synced.Status != "ok" {
		t.Errorf("the sync was %s, and the other Firefox has %q", synced.Status, slices.Collect(maps.Keys(got)))
	}
	for collection, want := range map[string]string{"addresses": "Ann B. Example", "creditcards": "Ann Example"} {
		entries, err := other.Entries(t.Context(), collection)
		check(t, err)
		if len(entries) != 1 || entries[0]["name"] != want && entries[0]["cc-name"] != want {
			t.Errorf("the other Firefox has the %s %v", collection, entries)
		}
	}
	if page, err := other.Pref(t.Context(), "browser.startup.page"); err != nil || page != "3" {
		t.Errorf("browser.startup.page is %q, %v", page, err)
	}
	tree, err := other.Bookmarks(t.Context())
	check(t, err)
	if tree.Find("markmarkmark") == nil {
		t.Error("the other Firefox has no bookmark markmarkmark")
	}
}

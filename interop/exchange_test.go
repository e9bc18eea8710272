package interop_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/internal/test/marionette"
)

// fillPlaces adds a tree of bookmarks and a history to Firefox.
const fillPlaces = `
	const { PlacesUtils } = ChromeUtils.importESModule("resource://gre/modules/PlacesUtils.sys.mjs");
	const { TYPE_FOLDER, TYPE_SEPARATOR } = PlacesUtils.bookmarks;
	await PlacesUtils.bookmarks.eraseEverything();
	const page = i => ({ url: "https://page.example/" + i, title: "Page " + i });
	const pages = (from, to) => Array.from({ length: to - from }, (_, i) => page(from + i));
	const trees = {
		[PlacesUtils.bookmarks.menuGuid]: [
			{ url: "https://plain.example/", title: "Plain" },
			{ type: TYPE_SEPARATOR },
			{ type: TYPE_FOLDER, title: "<Folder> & \"quotes\"", children: [
				{ url: "https://tagged.example/?a=1&b=2", title: "Täg & <ged> 日本 😀", tags: ["go", "Web dev"] },
				{ type: TYPE_FOLDER, title: "Deeper", children: [ { url: "https://plain.example/", title: "Plain again" }, { type: TYPE_SEPARATOR } ] },
				{ type: TYPE_FOLDER, title: "Empty" },
			] },
			{ url: "place:tag=go", title: "Tagged go" },
			{ url: "javascript:alert('hi')", title: "Bookmarklet" },
			{ url: "data:text/html,<p>hi</p>", title: "Data" },
		],
		[PlacesUtils.bookmarks.toolbarGuid]: [
			{ url: "https://keyword.example/?q=%s", title: "Search", keyword: "find" },
			{ type: TYPE_FOLDER, title: "Many", children: pages(0, 500) },
		],
		[PlacesUtils.bookmarks.unfiledGuid]: pages(500, 520),
	};
	for (const [guid, children] of Object.entries(trees)) {
		await PlacesUtils.bookmarks.insertTree({ guid, children });
	}
	await PlacesUtils.history.insertMany(pages(0, 250).map(p => ({ ...p, visits: [1, 2, 3].map(
		n => ({ date: new Date(Date.UTC(2026, 0, n)), transition: PlacesUtils.history.TRANSITIONS.LINK })) })));
	const db = await PlacesUtils.promiseDBConnection();
	const count = async sql => (await db.execute(sql))[0].getResultByIndex(0);
	return {
		pages: await count("SELECT count(DISTINCT place_id) FROM moz_historyvisits"),
		visits: await count("SELECT count(*) FROM moz_historyvisits"),
	};`

// placesTree returns the tree as text, as Firefox has it; equal trees have equal texts. It
// leaves out what a format cannot store: dates, and with args[0] the GUIDs.
const placesTree = `
	const { PlacesUtils } = ChromeUtils.importESModule("resource://gre/modules/PlacesUtils.sys.mjs");
	let items = -1; // the root of all
	const told = n => {
		items++;
		return { guid: args[0] ? undefined : n.guid, title: n.title, type: n.type, uri: n.uri, keyword: n.keyword,
			tags: n.tags?.split(",").sort(), children: (n.children ?? []).map(told) };
	};
	const tree = told(await PlacesUtils.promiseBookmarksTree(""));
	return { items: items - tree.children.length, text: JSON.stringify(tree, null, " ") };`

type toldTree struct {
	Items int
	Text  string
}

// TestFromFirefoxAndBack: all items of a Firefox are imported from its database while it runs,
// and an export of them becomes the same tree in Firefox again.
func TestFromFirefoxAndBack(t *testing.T) {
	t.Parallel()
	profile, dir := t.TempDir(), t.TempDir()
	ff := marionette.StartTest(t, marionette.Options{Profile: profile})
	ask := func(result any, script string, args ...any) {
		t.Helper()
		raw, err := ff.Chrome(t.Context(), script, args...)
		check(t, err)
		check(t, json.Unmarshal(raw, result))
	}
	var visited struct{ Pages, Visits int }
	ask(&visited, fillPlaces)
	var withGUIDs, without toldTree
	ask(&withGUIDs, placesTree, false)
	ask(&without, placesTree, true)

	path := filepath.Join(dir, "places.sqlite")
	places, err := placesfile.Open(t.Context(), placesfile.Config{Path: path, Now: time.Now, Rand: rand.Reader})
	check(t, err)
	t.Cleanup(func() { _ = places.Close() })
	b, err := bookmarks.New(t.Context(), places)
	check(t, err)
	h, err := history.New(t.Context(), places)
	check(t, err)

	imported, err := b.ImportFile(t.Context(), profile, importing.Options{TempDir: dir})
	check(t, err)
	if imported.Added != withGUIDs.Items || imported.Skipped != 0 || imported.Duplicates != 0 {
		t.Errorf("imported %+v; Firefox has %d items", imported, withGUIDs.Items)
	}
	pages, err := h.ImportFile(t.Context(), profile, importing.Options{TempDir: dir})
	check(t, err)
	if pages.Added+pages.Updated != visited.Pages || pages.Visits != visited.Visits || pages.Skipped != 0 || visited.Visits != 750 {
		t.Errorf("imported %+v; Firefox has %+v", pages, visited)
	}
	again, err := b.ImportFile(t.Context(), profile, importing.Options{TempDir: dir})
	check(t, err)
	if again.Added != 0 || again.Duplicates != withGUIDs.Items {
		t.Errorf("imported again: %+v", again)
	}

	const utils = `
		const { BookmarkHTMLUtils } = ChromeUtils.importESModule("resource://gre/modules/BookmarkHTMLUtils.sys.mjs");
		const { BookmarkJSONUtils } = ChromeUtils.importESModule("resource://gre/modules/BookmarkJSONUtils.sys.mjs");`
	for format, c := range map[string]struct {
		importer string
		want     toldTree
	}{
		"html":    {"BookmarkHTMLUtils", without},
		"json":    {"BookmarkJSONUtils", withGUIDs},
		"jsonlz4": {"BookmarkJSONUtils", withGUIDs},
	} {
		var file bytes.Buffer
		check(t, b.ExportAs(t.Context(), &file, format))
		path := filepath.Join(dir, "export."+format)
		check(t, os.WriteFile(path, file.Bytes(), 0o600))
		var count int
		ask(&count, utils+`return await `+c.importer+`.importFromFile(args[0], { replace: true });`, path)
		if count == 0 {
			t.Errorf("%s: Firefox imported nothing", format)
		}
		var got toldTree
		ask(&got, placesTree, format == "html")
		if got != c.want {
			t.Errorf("%s: Firefox has %d items of %d\n%.3000s\nwant\n%.3000s", format, got.Items, c.want.Items, got.Text, c.want.Text)
		}
	}
}

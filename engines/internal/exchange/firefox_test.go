package exchange_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
	"github.com/syncmanager/syncmanager/internal/test/marionette"
)

// fill gives Firefox bookmarks of every kind in all roots, and a history.
const fill = `
	const { PlacesUtils } = ChromeUtils.importESModule("resource://gre/modules/PlacesUtils.sys.mjs");
	const { TYPE_FOLDER, TYPE_SEPARATOR } = PlacesUtils.bookmarks;
	await PlacesUtils.bookmarks.eraseEverything();
	const many = Array.from({ length: 500 }, (_, i) => ({ url: "https://many.example/" + i, title: "Page " + i }));
	const date = new Date("2020-02-03T04:05:06.789Z");
	const trees = {
		[PlacesUtils.bookmarks.menuGuid]: [
			{ url: "https://plain.example/", title: "Plain", dateAdded: date, lastModified: new Date(date.getTime() + 5000) },
			{ type: TYPE_SEPARATOR },
			{ type: TYPE_FOLDER, title: "Folder <b>&amp; \"quotes\"</b>", children: [
				{ url: "https://tagged.example/?a=1&b=<2>", title: "Täg & <ged> 日本 😀", tags: ["go", "Web dev"] },
				{ type: TYPE_FOLDER, title: "Deeper", children: [ { url: "https://plain.example/", title: "Plain again" } ] },
				{ type: TYPE_FOLDER, title: "", children: [ { url: "https://untitled.example/", title: "" } ] },
				{ type: TYPE_SEPARATOR },
			] },
			{ type: TYPE_FOLDER, title: "Empty" },
			{ url: "place:tag=go", title: "Tagged go" },
			{ url: "javascript:alert('a\"b')", title: "Bookmarklet" },
			{ url: "data:text/html,<p>hi</p>", title: "Data" },
		],
		[PlacesUtils.bookmarks.toolbarGuid]: [
			{ url: "https://keyword.example/?q=%s", title: "Search", keyword: "find", postData: "a=%s" },
			{ type: TYPE_FOLDER, title: "Many", children: many },
		],
		[PlacesUtils.bookmarks.unfiledGuid]: [ { url: "https://unfiled.example/", title: "Unfiled", tags: ["go"] } ],
		[PlacesUtils.bookmarks.mobileGuid]: [ { url: "https://mobile.example/", title: "Mobile" } ],
	};
	for (const [guid, children] of Object.entries(trees)) {
		await PlacesUtils.bookmarks.insertTree({ guid, children });
	}
	const { LINK, TYPED, RELOAD, DOWNLOAD } = PlacesUtils.history.TRANSITIONS;
	await PlacesUtils.history.insertMany([
		{ url: "https://plain.example/", title: "Plain's own title", visits: [
			{ date, transition: TYPED }, { date: new Date(date.getTime() + 1000), transition: LINK } ] },
		{ url: "https://visited.example/ü", title: "Visited", visits: [
			{ date, transition: DOWNLOAD }, { date: new Date(date.getTime() - 1000), transition: RELOAD } ] },
		...Array.from({ length: 300 }, (_, i) => ({
			url: "https://often.example/" + i, title: "Often " + i,
			visits: Array.from({ length: 3 }, (_, v) => ({ date: new Date(date.getTime() + 1000 * v), transition: LINK })),
		})),
	]);
`

// TestFirefox reads what a running Firefox has, through each format, and has it
// read back what is written here.
func TestFirefox(t *testing.T) {
	t.Parallel()
	profile := t.TempDir()
	ff := marionette.StartTest(t, marionette.Options{Profile: profile})
	run(t, ff, fill)
	written := t.TempDir()

	// What it has, from its database, which it holds open.
	if wal, err := os.Stat(filepath.Join(profile, "places.sqlite-wal")); err != nil || wal.Size() == 0 {
		t.Fatalf("Firefox keeps no write-ahead log: %v", err)
	}
	tree := bookmarksOf(t, profile, exchange.Places)
	var counts struct{ Bookmarks, Folders, Separators, Pages, Visits int }
	decode(t, run(t, ff, `
		const { PlacesUtils } = ChromeUtils.importESModule("resource://gre/modules/PlacesUtils.sys.mjs");
		const db = await PlacesUtils.promiseDBConnection();
		const count = async sql => (await db.execute("SELECT count(*) FROM " + sql))[0].getResultByIndex(0);
		const inTree = type => count(`+"`"+`moz_bookmarks b WHERE type = ${type}
			AND guid NOT IN ('root________', 'menu________', 'toolbar_____', 'unfiled_____', 'mobile______', 'tags________')
			AND parent NOT IN (SELECT id FROM moz_bookmarks WHERE parent = (SELECT id FROM moz_bookmarks WHERE guid = 'tags________'))
			AND parent <> (SELECT id FROM moz_bookmarks WHERE guid = 'tags________')`+"`"+`);
		return {
			bookmarks: await inTree(1), folders: await inTree(2), separators: await inTree(3),
			pages: await count("moz_places WHERE id IN (SELECT place_id FROM moz_historyvisits)"),
			visits: await count("moz_historyvisits"),
		};`), &counts)
	var got = counts
	got.Bookmarks, got.Folders, got.Separators = 0, 0, 0
	for _, it := range tree.All() {
		switch it.Kind {
		case exchange.Folder:
			got.Folders++
		case exchange.Separator:
			got.Separators++
		default:
			got.Bookmarks++
		}
	}
	pages := historyOf(t, profile)
	got.Pages, got.Visits = len(pages), 0
	for _, p := range pages {
		got.Visits += len(p.Visits)
	}
	if got != counts || counts.Bookmarks != 510 || counts.Visits != 904 {
		t.Errorf("read %+v; Firefox counts %+v", got, counts)
	}
	t.Run("values", func(t *testing.T) { firefoxValues(t, tree, pages) })

	// What it writes itself is the same.
	for name, script := range map[string]string{
		"backup.json":    `BookmarkJSONUtils.exportToFile(args[0])`,
		"backup.jsonlz4": `BookmarkJSONUtils.exportToFile(args[0], { compress: true })`,
		"export.html":    `BookmarkHTMLUtils.exportToFile(args[0])`,
	} {
		path := filepath.Join(written, name)
		run(t, ff, importUtils+"await "+script, path)
		want, format := tree, exchange.Format(strings.TrimPrefix(filepath.Ext(name), "."))
		if format == exchange.HTML {
			if want = asHTML(tree); len(want.Mobile) == 0 {
				t.Fatal("there was nothing in the mobile root")
			}
			want.Mobile = nil // Firefox leaves it out of its export
		}
		sameTree(t, name+" by Firefox", bookmarksOf(t, path, format), want)
	}

	// What is written here, Firefox reads back as it was.
	for name, c := range map[string]struct {
		write  func(io.Writer, *exchange.Tree) error
		script string
		want   *exchange.Tree
	}{
		"ours.json":    {exchange.WriteJSON, `BookmarkJSONUtils.importFromFile(args[0], { replace: true })`, tree},
		"ours.jsonlz4": {exchange.WriteLZ4, `BookmarkJSONUtils.importFromFile(args[0], { replace: true })`, tree},
		"ours.html":    {exchange.WriteHTML, `BookmarkHTMLUtils.importFromFile(args[0], { replace: true })`, mobileInMenu(asHTML(tree))},
	} {
		path := filepath.Join(written, name)
		var file bytes.Buffer
		if err := c.write(&file, tree); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		var imported int
		decode(t, run(t, ff, importUtils+"return await "+c.script, path), &imported)
		if imported != counts.Bookmarks {
			t.Errorf("%s: Firefox imported %d bookmarks of %d", name, imported, counts.Bookmarks)
		}
		back := bookmarksOf(t, profile, exchange.Places)
		if strings.HasSuffix(name, ".html") {
			// Firefox dates a folder by what it puts into it.
			undated := func(it *exchange.Item) {
				if it.Kind == exchange.Folder {
					it.Added, it.Modified = time.Time{}, time.Time{}
				}
			}
			back, c.want = mapped(asHTML(back), undated), mapped(c.want, undated)
		}
		sameTree(t, name+" in Firefox", back, c.want)
	}
}

const importUtils = `
	const { BookmarkHTMLUtils } = ChromeUtils.importESModule("resource://gre/modules/BookmarkHTMLUtils.sys.mjs");
	const { BookmarkJSONUtils } = ChromeUtils.importESModule("resource://gre/modules/BookmarkJSONUtils.sys.mjs");
`

// firefoxValues looks at some items one by one: equal counts alone would not tell
// one from another.
func firefoxValues(t *testing.T, tree *exchange.Tree, pages []exchange.Page) {
	date := time.Date(2020, 2, 3, 4, 5, 6, 789e6, time.UTC)
	plain := tree.Menu[0]
	if plain.Title != "Plain" || !plain.Added.Equal(date) || !plain.Modified.Equal(date.Add(5*time.Second)) || len(plain.GUID) != 12 {
		t.Errorf("the first bookmark is %+v", plain)
	}
	tagged := tree.Menu[2].Children[0]
	if tagged.Title != "Täg & <ged> 日本 😀" || strings.Join(tagged.Tags, ",") != "Web dev,go" {
		t.Errorf("the tagged bookmark is %+v", tagged)
	}
	if q := tree.Menu[4]; q.Kind != exchange.Query || q.URL != "place:tag=go" {
		t.Errorf("the query is %+v", q)
	}
	if b := tree.Menu[5]; b.Kind != exchange.Bookmark || !strings.HasPrefix(b.URL, "javascript:") {
		t.Errorf("the bookmarklet is %+v", b)
	}
	if k := tree.Toolbar[0]; k.Keyword != "find" || k.PostData != "a=%s" {
		t.Errorf("the bookmark with a keyword is %+v", k)
	}
	for _, p := range pages {
		if p.URL != "https://plain.example/" {
			continue
		}
		if p.Title != "Plain's own title" || !p.Typed || p.Hidden || len(p.Visits) != 2 ||
			p.Visits[0] != (exchange.Visit{Date: date, Transition: 2}) || p.Visits[1].Transition != 1 {
			t.Errorf("the page is %+v", p)
		}
		return
	}
	t.Error("a visited page is missing")
}

func run(t *testing.T, ff *marionette.Firefox, script string, args ...any) json.RawMessage {
	t.Helper()
	raw, err := ff.Chrome(t.Context(), script, args...)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func decode(t *testing.T, raw json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// now is a clock that no date of a test is later than.
func now() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }

func openSource(t *testing.T, path string) *exchange.Source {
	t.Helper()
	s, err := exchange.Open(context.WithoutCancel(t.Context()), path, exchange.Options{TempDir: t.TempDir(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// bookmarksOf reads bookmarks of which nothing may be skipped.
func bookmarksOf(t *testing.T, path string, want exchange.Format) *exchange.Tree {
	t.Helper()
	s := openSource(t, path)
	if s.Format() != want {
		t.Fatalf("%s is taken for %q; want %q", path, s.Format(), want)
	}
	tree, skips, err := s.Bookmarks(t.Context())
	if err != nil || skips.Count != 0 {
		t.Fatalf("%s: %v; skipped %+v", path, err, skips)
	}
	return tree
}

func historyOf(t *testing.T, path string) (pages []exchange.Page) {
	t.Helper()
	var skips exchange.Skips
	for p, err := range openSource(t, path).History(t.Context(), &skips) {
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, p)
	}
	if skips.Count != 0 {
		t.Fatalf("skipped %+v", skips)
	}
	return pages
}

package exchange_test

import (
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
)

// Schemas of before Firefox 39: without GUIDs (3), and with GUIDs that the roots had not
// yet got for good (4 to 38).
const (
	schemaOf3 = `
	CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR, rev_host LONGVARCHAR, visit_count INTEGER DEFAULT 0,
		hidden INTEGER DEFAULT 0 NOT NULL, typed INTEGER DEFAULT 0 NOT NULL, favicon_id INTEGER);
	CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER, place_id INTEGER, visit_date INTEGER, visit_type INTEGER, session INTEGER);
	CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER DEFAULT NULL, parent INTEGER, position INTEGER, title LONGVARCHAR,
		keyword_id INTEGER, folder_type TEXT, dateAdded INTEGER, lastModified INTEGER);
	CREATE TABLE moz_keywords (id INTEGER PRIMARY KEY AUTOINCREMENT, keyword TEXT UNIQUE);
	CREATE TABLE moz_bookmarks_roots (root_name VARCHAR(16) UNIQUE, folder_id INTEGER);
	CREATE TABLE moz_items_annos (id INTEGER PRIMARY KEY, item_id INTEGER NOT NULL, mime_type VARCHAR(32), anno_attribute_id INTEGER, content LONGVARCHAR);
	CREATE TABLE moz_anno_attributes (id INTEGER PRIMARY KEY, name VARCHAR(32) UNIQUE NOT NULL);`
	rowsOf3 = `
	INSERT INTO moz_places (id, url, title) VALUES (1, 'https://a.example/', 'A'), (2, 'https://b.example/', NULL), (3, 'place:folder=11', NULL), (4, 'https://feed.example/1', NULL);
	INSERT INTO moz_bookmarks (id, type, fk, parent, position, title, keyword_id, dateAdded) VALUES
		(1, 2, NULL, 0, 0, NULL, NULL, 1), (2, 2, NULL, 1, 0, 'Bookmarks Menu', NULL, 1), (3, 2, NULL, 1, 1, 'Bookmarks Toolbar', NULL, 1),
		(4, 2, NULL, 1, 2, 'Tags', NULL, 1), (5, 2, NULL, 1, 3, 'Unsorted', NULL, 1),
		(10, 1, 1, 2, 0, 'A', 7, 1600000000000000), (11, 2, NULL, 3, 0, 'Folder', NULL, NULL), (12, 1, 2, 11, 0, 'B', NULL, NULL), (13, 1, 1, 11, 1, 'A again', 7, NULL),
		(14, 1, 3, 2, 1, 'query', NULL, NULL), (15, 3, NULL, 2, 2, NULL, NULL, NULL),
		(20, 2, NULL, 4, 0, 'go', NULL, NULL), (21, 1, 1, 20, 0, NULL, NULL, NULL),
		(30, 2, NULL, 3, 1, 'Feed', NULL, NULL), (31, 1, 4, 30, 0, 'News', NULL, NULL), (40, 2, NULL, 5, 0, 'Phone', NULL, NULL), (41, 1, 2, 40, 0, 'on the phone', NULL, NULL);
	INSERT INTO moz_keywords (id, keyword) VALUES (7, 'k'), (8, 'unused');
	INSERT INTO moz_bookmarks_roots VALUES ('places', 1), ('menu', 2), ('toolbar', 3), ('tags', 4), ('unfiled', 5), ('odd', 6);
	INSERT INTO moz_anno_attributes VALUES (1, 'livemark/feedURI'), (2, 'bookmarkProperties/description'), (3, 'bookmarkProperties/POSTData'), (4, 'mobile/bookmarksRoot');
	INSERT INTO moz_items_annos (item_id, anno_attribute_id, content) VALUES (30, 1, 'https://feed.example/'), (12, 2, 'about B'), (10, 3, 'q=%s'), (40, 4, 1), (99, 2, 'of nothing');
	INSERT INTO moz_historyvisits (place_id, visit_date, visit_type) VALUES (1, 1600000000000000, 1);`
)

// TestPlacesOfOldFirefoxes: what came later is not asked for.
func TestPlacesOfOldFirefoxes(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"3": {schemaOf3, rowsOf3},
		"4": {schemaOf3, "ALTER TABLE moz_bookmarks ADD COLUMN guid TEXT", "ALTER TABLE moz_places ADD COLUMN guid TEXT", "ALTER TABLE moz_places ADD COLUMN frecency INTEGER", rowsOf3,
			"UPDATE moz_bookmarks SET guid = printf('%012d', id)"},
		"38": {schemaOf3, "ALTER TABLE moz_bookmarks ADD COLUMN guid TEXT", rowsOf3, `UPDATE moz_bookmarks SET guid = CASE id WHEN 1 THEN 'root________'
			WHEN 2 THEN 'menu________' WHEN 3 THEN 'toolbar_____' WHEN 4 THEN 'tags________' WHEN 5 THEN 'unfiled_____' ELSE printf('%012d', id) END`},
		"39": {strings.Replace(schemaOf3, "keyword TEXT UNIQUE", "keyword TEXT UNIQUE, place_id INTEGER, post_data TEXT", 1), "ALTER TABLE moz_bookmarks ADD COLUMN guid TEXT", rowsOf3,
			"UPDATE moz_keywords SET place_id = 1, post_data = 'q=%s' WHERE id = 7"},
	} {
		s := openSource(t, database(t, statements...))
		tree, skips, err := s.Bookmarks(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		promised(t, tree)
		if got, want := brief(tree), "menu[A query -]toolbar[Folder[B A again]]mobile[on the phone]"; got != want {
			t.Errorf("%s: read %s; want %s", name, got, want)
		}
		if got, want := reasons(skips), "Feed: it is a live bookmark, which Firefox has no longer"; got != want {
			t.Errorf("%s: skipped %s; want %s", name, got, want)
		}
		if want := "descriptions were left out, since Firefox has no place for them: 1"; strings.Join(skips.Notes, "|") != want {
			t.Errorf("%s: notes %q", name, skips.Notes)
		}
		a := tree.Menu[0]
		if a.Keyword != "k" || a.PostData != "q=%s" || strings.Join(a.Tags, ",") != "go" || a.Added.Year() != 2020 || (a.GUID != "") != (name == "4" || name == "38") {
			t.Errorf("%s: read %+v", name, a)
		}
		var visits int
		for p, err := range s.History(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			visits += len(p.Visits)
		}
		if visits != 1 {
			t.Errorf("%s: %d visits", name, visits)
		}
	}
	_, err := exchange.Open(t.Context(), database(t, schemaOf3, "DROP TABLE moz_bookmarks_roots"), exchange.Options{TempDir: t.TempDir(), Now: now})
	if err == nil || !strings.Contains(err.Error(), "moz_bookmarks_roots") {
		t.Errorf("without roots: %v", err)
	}
}

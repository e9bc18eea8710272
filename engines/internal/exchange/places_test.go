package exchange_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

// schema is the part of Firefox's that is read here, with its roots.
const schema = `
	CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR, hidden INTEGER DEFAULT 0 NOT NULL, typed INTEGER DEFAULT 0 NOT NULL);
	CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER, place_id INTEGER, visit_date INTEGER, visit_type INTEGER);
	CREATE INDEX moz_historyvisits_placedateindex ON moz_historyvisits (place_id, visit_date);
	CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER DEFAULT NULL, parent INTEGER, position INTEGER,
		title LONGVARCHAR, dateAdded INTEGER, lastModified INTEGER, guid TEXT);
	CREATE TABLE moz_keywords (id INTEGER PRIMARY KEY AUTOINCREMENT, keyword TEXT UNIQUE, place_id INTEGER, post_data TEXT);
	INSERT INTO moz_bookmarks (id, type, parent, position, guid) VALUES (1, 2, 0, 0, 'root________'), (2, 2, 1, 0, 'menu________'),
		(3, 2, 1, 1, 'toolbar_____'), (4, 2, 1, 2, 'tags________'), (5, 2, 1, 3, 'unfiled_____'), (6, 2, 1, 4, 'mobile______');`

// database makes a file with statements, and closes it.
func database(t *testing.T, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "places.sqlite")
	db := openDatabase(t, path, "")
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%.200s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// upTo is a table of the numbers from 1 to n.
func upTo(n int) string {
	return fmt.Sprintf("(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < %d) SELECT value FROM n)", n)
}

func openDatabase(t testing.TB, path, query string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+query)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

func TestPlacesOutOfOrder(t *testing.T) {
	t.Parallel()
	path := database(t, schema, `
		INSERT INTO moz_places (id, url) VALUES (1, 'https://a.example/'), (2, 'https://b.example/'), (3, 'no scheme'), (4, 'place:folder=20&folder=99'),
			(5, 'https://tagged.example/'), (6, x'ff');
		INSERT INTO moz_bookmarks (id, type, fk, parent, position, title, guid) VALUES
			(10, 1, 1, 2, 1, 'second', 'aaaaaaaaaaaa'), (11, 1, 2, 2, 0, 'first', 'bbbbbbbbbbbb'),
			(12, 1, 3, 2, 2, 'bad URL', NULL), (13, 1, 77, 2, 3, 'no page', NULL), (14, 9, 1, 2, 4, 'odd', NULL), (15, 1, 4, 2, 5, 'query', NULL),
			(16, 1, 6, 2, 6, 'blob', NULL), (17, 1, NULL, 2, 7, 'nowhere', NULL),
			(20, 2, NULL, 3, 0, 'folder', 'folderAAAAAA'), (21, 3, NULL, 20, 0, 'separator', NULL),
			(30, 2, NULL, 500, 0, 'orphan', NULL), (31, 1, 1, 30, 0, 'in orphan', NULL), (32, 1, 2, 10, 0, 'in a bookmark', NULL),
			(40, 2, NULL, 41, 0, 'circle 1', NULL), (41, 2, NULL, 40, 0, 'circle 2', NULL), (42, 1, 1, 41, 0, 'in circle', NULL), (43, 2, NULL, 43, 0, 'own parent', NULL),
			(50, 2, NULL, 4, 0, 'go', NULL), (51, 1, 5, 50, 0, NULL, NULL), (52, 2, NULL, 4, 1, 'Web', NULL), (53, 1, 5, 52, 0, NULL, NULL),
			(54, 1, 5, 5, 0, 'tagged', NULL), (60, 2, NULL, 1, 9, 'side pane', NULL), (61, 1, 1, 60, 0, 'All', NULL);
		INSERT INTO moz_keywords (keyword, place_id, post_data) VALUES ('k1', 1, 'post'), ('k2', 1, NULL), ('k3', 3, NULL), ('lost', 999, NULL);`)
	s := openSource(t, path)
	tree, skips, err := s.Bookmarks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	promised(t, tree)
	const want = "menu[first second query]toolbar[folder[-]]unfiled[tagged in a bookmark orphan[in orphan] circle 2[circle 1[] in circle] own parent[]]"
	if got := brief(tree); got != want {
		t.Errorf("read %s\nwant %s", got, want)
	}
	const out = "no folder leads to it; it was put into the unfiled bookmarks"
	if got, want := reasons(skips), strings.Join([]string{
		`k2: this keyword is the second of a page; "k1" was kept`,
		"lost: this keyword is for a page that is not bookmarked",
		"bad URL: its URL has no scheme, such as https:",
		"no page: its page is missing in the database",
		"odd: it is of a type that is not known: 9",
		"blob: its URL has no scheme, such as https:",
		"nowhere: it has no URL",
		"side pane: it is not a bookmark of the user's: it is in the root of all folders",
		"in a bookmark: " + out, "orphan: " + out, "circle 2: " + out, "own parent: " + out,
	}, "\n"); got != want {
		t.Errorf("skipped\n%s\nwant\n%s", got, want)
	}
	if q := tree.Menu[2]; q.URL != "place:parent=folderAAAAAA&invalidOldParentId=99&excludeItems=1" {
		t.Errorf("the query is %s", q.URL)
	}
	if k := tree.Menu[1]; k.Keyword != "k1" || k.PostData != "post" || k.GUID != "aaaaaaaaaaaa" {
		t.Errorf("the bookmark with a keyword is %+v", k)
	}
	if tags := strings.Join(tree.Unfiled[0].Tags, ","); tags != "Web,go" {
		t.Errorf("tags %s", tags)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	const day = 86_400_000_000
	path := database(t, schema, fmt.Sprintf(`
		INSERT INTO moz_places (id, url, title, hidden, typed) VALUES (1, 'https://a.example/', 'A', 0, 1), (2, 'https://never.example/', NULL, 0, 0),
			(3, 'https://hidden.example/', NULL, 1, 0), (4, 'nonsense', NULL, 0, 0), (5, 'https://bad.example/', NULL, 0, 0);
		INSERT INTO moz_historyvisits (place_id, visit_date, visit_type) VALUES (1, %[1]d, 2), (3, 7, 4), (1, %[2]d, 1), (4, 7, 1), (77, 7, 1),
			(5, -1, 1), (5, 0, 1), (5, 7, 0), (5, 7, 10), (1, 9000000000000000000, 1);`, 2*day, day))
	var pages []exchange.Page
	var skips exchange.Skips
	for p, err := range openSource(t, path).History(t.Context(), &skips) {
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, p)
	}
	if len(pages) != 2 || pages[1].URL != "https://hidden.example/" || !pages[1].Hidden {
		t.Fatalf("read %+v", pages)
	}
	first := time.UnixMicro(day).UTC()
	want := []exchange.Visit{{Date: first, Transition: 1}, {Date: first.Add(24 * time.Hour), Transition: 2}, {Date: now(), Transition: 1}}
	if a := pages[0]; a.Title != "A" || !a.Typed || a.Hidden || fmt.Sprint(a.Visits) != fmt.Sprint(want) {
		t.Errorf("read %+v; want the visits %v", a, want)
	}
	if got := reasons(skips); got != "nonsense: its URL has no scheme, such as https:\nhttps://bad.example/: visits whose date or kind makes no sense were left out: 4" {
		t.Errorf("skipped %s", got)
	}
}

// TestHistoryIsNotHeld: a page with very many visits comes in pieces, and a walk
// can end early.
func TestHistoryIsNotHeld(t *testing.T) {
	t.Parallel()
	const visits = 250_000
	path := database(t, schema, `INSERT INTO moz_places (id, url) VALUES (1, 'https://a.example/'), (2, 'https://b.example/');
		INSERT INTO moz_historyvisits (place_id, visit_date, visit_type) VALUES (2, 1, 1);`,
		`INSERT INTO moz_historyvisits (place_id, visit_date, visit_type) SELECT 1, value, 1 FROM `+upTo(visits))
	s := openSource(t, path)
	total, pieces := 0, 0
	for p, err := range s.History(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if p.URL == "https://a.example/" {
			pieces++
			total += len(p.Visits)
		}
	}
	if total != visits || pieces != 3 {
		t.Errorf("%d visits in %d pieces", total, pieces)
	}
	for _, err := range s.History(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range s.History(ctx, nil) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a walk that was cancelled ended with %v", last)
	}
}

func TestUnknownSchemas(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string]string{
		"another program's": "CREATE TABLE t (x)",
		"without GUIDs":     strings.Replace(strings.Split(schema, "INSERT")[0], ", guid TEXT", "", 1),
		"a view": strings.Split(schema, "INSERT")[0] + `DROP TABLE moz_keywords;
			CREATE VIEW moz_keywords AS SELECT 1 AS id, 'k' AS keyword, 1 AS place_id, NULL AS post_data`,
		"a computed column": strings.Replace(strings.Split(schema, "INSERT")[0], "title LONGVARCHAR, hidden", "title AS (zeroblob(1000000000)), hidden", 1),
	} {
		_, err := exchange.Open(t.Context(), database(t, statements), exchange.Options{TempDir: t.TempDir(), Now: now})
		if !errors.Is(err, exchange.ErrSchema) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamagedPlaces(t *testing.T) {
	t.Parallel()
	path := database(t, schema, `INSERT INTO moz_places (url) SELECT 'https://' || value || '.example/' FROM `+upTo(1000))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	for name, file := range map[string][]byte{
		"only its first line": whole[:100],
		"a page is missing":   whole[:len(whole)-4096],
		"cut within a page":   whole[:len(whole)-5000],
		"overwritten":         append(append(bytes.Clone(whole[:8192]), bytes.Repeat([]byte{0xa5}, 8192)...), whole[16384:]...),
	} {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := exchange.Open(t.Context(), path, exchange.Options{TempDir: temp, Now: now})
		if !errors.Is(err, exchange.ErrDamaged) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("copies are left: %v, %v", left, err)
	}
}

func TestACopyIsPrivateAndRemoved(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	s, err := exchange.Open(t.Context(), filepath.Dir(database(t, schema)), exchange.Options{TempDir: temp, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := os.ReadDir(temp)
	if err != nil || len(dirs) != 1 {
		t.Fatalf("%v, %v", dirs, err)
	}
	info, err := dirs[0].Info()
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Join(temp, dirs[0].Name(), "places.sqlite")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if dirs, err := os.ReadDir(temp); err != nil || len(dirs) != 0 {
		t.Errorf("left: %v, %v", dirs, err)
	}
}

// TestTheLogIsRead: what is in the write-ahead log alone counts, also through a link.
func TestTheLogIsRead(t *testing.T) {
	t.Parallel()
	path := database(t, schema)
	db := openDatabase(t, path, "?_pragma=journal_mode(WAL)&_pragma=wal_autocheckpoint(0)&_pragma=locking_mode(EXCLUSIVE)")
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Exec(`INSERT INTO moz_places (id, url) VALUES (1, 'https://a.example/'); INSERT INTO moz_bookmarks (type, fk, parent, title) VALUES (1, 1, 2, 'new')`); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "places.sqlite")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		if got := brief(bookmarksOf(t, name, exchange.Places)); got != "menu[new]" {
			t.Errorf("%s: read %s", name, got)
		}
	}
}

// TestPlacesWhileItIsWritten: a writer adds one bookmark and its page at a time, and
// empties its log over and over; every copy is one of the states that there were.
func TestPlacesWhileItIsWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "places.sqlite")
	db := openDatabase(t, path, "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=wal_autocheckpoint(20)&_txlock=immediate")
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Exec(schema); err != nil {
		t.Fatal(err)
	}
	total := long.Of(5000, 20_000)
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			for i := 1; i <= total; i++ {
				tx, err := db.Begin()
				if err != nil {
					return err
				}
				// Long, so that a state is many pages.
				_, err = tx.Exec(`INSERT INTO moz_places (id, url) VALUES (?1, 'https://x.example/' || ?1 || '/' || hex(zeroblob(1000)));`, i)
				if err == nil {
					_, err = tx.Exec(`INSERT INTO moz_bookmarks (type, fk, parent, position, title) VALUES (1, ?1, 2, ?1, ?1)`, i)
				}
				if err = errors.Join(err, tx.Commit()); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	read := func() (n int, err error) {
		s, err := exchange.Open(t.Context(), path, exchange.Options{TempDir: t.TempDir(), Now: now})
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		tree, skips, err := s.Bookmarks(t.Context())
		if err != nil {
			return 0, err
		}
		for i, it := range tree.Menu {
			if it.Title != fmt.Sprint(i+1) {
				return 0, fmt.Errorf("bookmark %d has the title %s", i+1, it.Title)
			}
		}
		if skips.Count != 0 {
			return 0, fmt.Errorf("skipped %s", reasons(skips))
		}
		return len(tree.Menu), nil
	}
	copies, last := 0, 0
	for writing := true; writing; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			writing = false
		default:
		}
		n, err := read()
		if err != nil && !errors.Is(err, exchange.ErrChanging) {
			t.Fatal(err)
		}
		if err == nil {
			copies++
			if n < last {
				t.Fatalf("%d bookmarks after %d", n, last)
			}
			last = n
		}
	}
	if last != total {
		t.Errorf("read %d of %d in the end", last, total)
	}
	t.Logf("%d sound copies while it was written", copies)
}

func TestPlacesWithVeryManyChildrenAndDeepFolders(t *testing.T) {
	t.Parallel()
	many, deep := long.Of(100_000, 1_000_000), 100_000
	path := database(t, schema, `PRAGMA synchronous=OFF`, `INSERT INTO moz_places (id, url) VALUES (1, 'https://a.example/')`,
		`INSERT INTO moz_bookmarks (id, type, fk, parent, position) SELECT 100 + value, 1, 1, 2, value FROM `+upTo(many),
		`INSERT INTO moz_bookmarks (id, type, parent, position) SELECT 2000000 + value, 2, iif(value = 1, 3, 2000000 + value - 1), 0 FROM `+upTo(deep),
		fmt.Sprintf(`INSERT INTO moz_bookmarks (id, type, fk, parent, position, title) VALUES (9000000, 1, 1, 2000000 + %d, 0, 'deepest')`, deep))
	tree, skips, err := openSource(t, path).Bookmarks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Menu) != many || count(tree, exchange.Folder) != exchange.MaxDepth || count(tree, exchange.Bookmark) != many+1 || skips.Count != deep-exchange.MaxDepth {
		t.Errorf("%d in the menu, %d folders, %d skipped", len(tree.Menu), count(tree, exchange.Folder), skips.Count)
	}
}

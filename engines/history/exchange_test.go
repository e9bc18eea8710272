package history_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/unicode"

	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/history"

	_ "modernc.org/sqlite" // makes a Firefox's file
)

func TestExportComesBackAsItWas(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	for i := range 700 { // more than are held at a time
		d.visit(site(i), `T "quoted" <b> 東京`, time.Duration(i)*time.Minute, history.Transition(i%9+1))
	}
	for i := range 30 {
		d.visit(site(0), "", time.Duration(i)*time.Hour, history.Typed)
	}
	var file bytes.Buffer
	d.must(d.Export(t.Context(), &file))
	path := filepath.Join(t.TempDir(), "history.json")
	d.must(os.WriteFile(path, file.Bytes(), 0o600))

	e := newDevice(t)
	try, err := e.ImportFile(t.Context(), path, importing.Options{DryRun: true})
	if n, _ := e.Count(t.Context()); err != nil || try.Added != 700 || try.Visits != 730 || n != 0 {
		t.Fatalf("tried %+v, %v, %d pages; want 700 to add, and none added", try, err, n)
	}
	done, err := e.ImportFile(t.Context(), path, importing.Options{})
	if err != nil || !reflect.DeepEqual(done, try) {
		t.Fatalf("did %+v, %v; tried %+v", done, err, try)
	}
	want, got := d.pages(), e.pages()
	for url, p := range want {
		q := got[url]
		q.ID = p.ID // they are another device's
		if !reflect.DeepEqual(p, q) {
			t.Fatalf("%+v came back as %+v", p, q)
		}
	}
	if again, err := e.ImportFile(t.Context(), path, importing.Options{}); err != nil || again.Duplicates != 700 || again.Added+again.Updated+again.Visits != 0 {
		t.Fatalf("again: %+v, %v", again, err)
	}
	e.wantChanges("after an import", len(got)-e.unsent())
}

// unsent counts the pages that stay here.
func (d *device) unsent() (n int) {
	for _, p := range d.pages() {
		if p.Visits[0].Type == history.Download && p.VisitCount == 1 {
			n++
		}
	}
	return n
}

func TestAnExportOfNothing(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	var file bytes.Buffer
	d.must(d.Export(t.Context(), &file))
	if done, err := d.ImportFrom(t.Context(), &file, importing.Options{}); err != nil || !reflect.DeepEqual(done, importing.Report{}) {
		t.Fatalf("imported %+v, %v", done, err)
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	page := `{"histUri":"https://example.org/","title":"t","visits":[{"date":1795369000000000,"type":1}]}`
	d := newDevice(t)
	for name, text := range map[string]string{"cut off": "[" + page + ",", "cut off in a page": "[" + page + ", {", "no array": "{}", "nothing": ""} {
		done, err := d.ImportFrom(t.Context(), strings.NewReader(text), importing.Options{})
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: imported %+v, %v", name, done, err)
		}
	}
	if p := d.pages(); len(p) != 1 {
		t.Errorf("what came before the damage is not here: %v", p)
	}
	done, err := d.ImportFrom(t.Context(), strings.NewReader(`[{"histUri":"nothing"},{"histUri":"about:config","visits":[{"date":1795369000000000,"type":1}]},
		{"histUri":"https://example.org/","visits":[{"date":-5,"type":1},{"date":1795369000000000,"type":77},{"date":1795369000000000,"type":2}]}]`), importing.Options{})
	if err != nil || done.Skipped != 4 || len(done.Skips) != 4 || done.Updated != 1 || done.Visits != 1 {
		t.Errorf("imported %+v, %v; want 4 named as skipped, and one visit", done, err)
	}
	path := filepath.Join(t.TempDir(), "bookmarks.html")
	d.must(os.WriteFile(path, []byte("<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p></DL>"), 0o600))
	if _, err := d.ImportFile(t.Context(), path, importing.Options{}); !errors.Is(err, history.ErrImport) {
		t.Errorf("bookmarks as history: %v", err)
	}
	if _, err := d.ImportFile(t.Context(), path+"x", importing.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestExportTellsOfAFullPipe(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.visit(site(1), "", 0, history.Link)
	if err := d.Export(t.Context(), brokenPipe{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("exported with %v", err)
	}
}

// A Firefox that runs holds its file open, and its newest visits are in the WAL.
func TestImportFromFirefoxWhileItRuns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "places.sqlite")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=locking_mode(NORMAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, query := range []string{
		`PRAGMA user_version = 83`,
		`CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url LONGVARCHAR, title LONGVARCHAR, rev_host LONGVARCHAR, visit_count INTEGER DEFAULT 0,
			hidden INTEGER DEFAULT 0 NOT NULL, typed INTEGER DEFAULT 0 NOT NULL, frecency INTEGER DEFAULT -1 NOT NULL, last_visit_date INTEGER, guid TEXT,
			foreign_count INTEGER DEFAULT 0 NOT NULL, url_hash INTEGER DEFAULT 0 NOT NULL)`,
		`CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER, place_id INTEGER, visit_date INTEGER, visit_type INTEGER, session INTEGER)`,
		`CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER DEFAULT NULL, parent INTEGER, position INTEGER, title LONGVARCHAR,
			keyword_id INTEGER, folder_type TEXT, dateAdded INTEGER, lastModified INTEGER, guid TEXT, syncStatus INTEGER NOT NULL DEFAULT 0, syncChangeCounter INTEGER NOT NULL DEFAULT 1)`,
		`CREATE TABLE moz_keywords (id INTEGER PRIMARY KEY AUTOINCREMENT, keyword TEXT UNIQUE, place_id INTEGER, post_data TEXT)`,
		`INSERT INTO moz_places (id, url, title, hidden) VALUES (1, 'https://example.org/', 'Example', 0), (2, 'https://example.org/redirect', NULL, 1), (3, 'about:blank', 'x', 0)`,
		`INSERT INTO moz_historyvisits (place_id, visit_date, visit_type) VALUES (1, 1795369000000000, 2), (1, 1795369500000000, 1), (2, 1795369000000001, 1),
			(3, 1795369000000001, 1), (1, -5, 1)`,
	} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	d := newDevice(t)
	done, err := d.ImportFile(t.Context(), path, importing.Options{TempDir: t.TempDir()})
	if err != nil || done.Added != 2 || done.Visits != 3 || done.Skipped == 0 {
		t.Fatalf("imported %+v, %v; want two pages with three visits, and the others named", done, err)
	}
	p := d.pages()["https://example.org/"]
	if p.VisitCount != 2 || p.TypedCount != 1 || p.Title != "Example" {
		t.Errorf("the page is %+v", p)
	}
	if hidden, err := d.GetURL(t.Context(), "https://example.org/redirect"); err != nil || !hidden.Hidden {
		t.Errorf("the page that nobody saw is %+v, %v", hidden, err)
	}
	d.wantChanges("after an import", 1)
}

// TestFilesThatAnEditorSaved: an editor may put a mark before the text, or save it in
// UTF-16; and a file that is cut off says how far it was good.
func TestFilesThatAnEditorSaved(t *testing.T) {
	t.Parallel()
	text := `[{"histUri":"https://example.org/","title":"ü","visits":[{"date":1795369000000000,"type":1}]}]`
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"a mark": "\ufeff" + text, "UTF-16": wide, "space": "\r\n " + text} {
		d := newDevice(t)
		path := filepath.Join(t.TempDir(), "history.json")
		d.must(os.WriteFile(path, []byte(file), 0o600))
		if done, err := d.ImportFile(t.Context(), path, importing.Options{}); err != nil || done.Added != 1 || d.pages()["https://example.org/"].Title != "ü" {
			t.Errorf("%s: imported %+v, %v", name, done, err)
		}
	}
	if _, err := newDevice(t).ImportFrom(t.Context(), strings.NewReader(text[:len(text)-1]+`,{"hist`), importing.Options{}); err == nil || !strings.Contains(err.Error(), "after page 1") {
		t.Errorf("a file that is cut off: %v", err)
	}
}

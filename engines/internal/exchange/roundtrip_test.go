package exchange_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

// readBytes reads a file that was written here.
func readBytes(t *testing.T, file []byte) *exchange.Tree {
	t.Helper()
	s, err := exchange.Read(t.Context(), bytes.NewReader(file), exchange.Options{Now: now})
	if err != nil {
		t.Fatalf("%v of\n%.2000s", err, file)
	}
	tree, skips, err := s.Bookmarks(t.Context())
	if err != nil || skips.Count != 0 {
		t.Fatalf("%v, skipped %+v of\n%.2000s", err, skips, file)
	}
	return tree
}

// returns fails unless each writer's file is read back as the tree.
func returns(t *testing.T, tree *exchange.Tree) {
	t.Helper()
	for name, c := range map[string]struct {
		write func(io.Writer, *exchange.Tree) error
		want  *exchange.Tree
	}{
		"json":    {exchange.WriteJSON, tree},
		"jsonlz4": {exchange.WriteLZ4, tree},
		"html":    {exchange.WriteHTML, asHTML(tree)},
	} {
		var file bytes.Buffer
		if err := c.write(&file, tree); err != nil {
			t.Fatal(err)
		}
		sameTree(t, name, readBytes(t, file.Bytes()), c.want)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	long.Check(t, 100, func(r *rapid.T) { returns(t, trees().Draw(r, "tree")) })
}

// trees makes any trees.
func trees() *rapid.Generator[*exchange.Tree] {
	text := rapid.Custom(func(r *rapid.T) string {
		s := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "A & B", "&amp;lt;", "</A><HR>", `"'`, "\r\n", "]]>", "<!--", "日本 😀", "a,b"})).Draw(r, "text")
		return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	})
	// Firefox takes no date of before the first browser.
	seconds := rapid.Int64Range(time.Date(1993, 1, 24, 0, 0, 0, 0, time.UTC).UnixMicro(), now().UnixMicro())
	return rapid.Custom(func(r *rapid.T) *exchange.Tree {
		guids := 0
		var items func(depth int) []*exchange.Item
		items = func(depth int) (list []*exchange.Item) {
			for range rapid.IntRange(0, 4).Draw(r, "items") {
				it := &exchange.Item{Kind: exchange.Kind(rapid.IntRange(0, 3).Draw(r, "kind"))}
				if rapid.Bool().Draw(r, "guid") {
					guids++
					it.GUID = fmt.Sprintf("%012d", guids)
				}
				if rapid.Bool().Draw(r, "added") {
					it.Added = time.UnixMicro(seconds.Draw(r, "µs")).UTC()
				}
				if rapid.Bool().Draw(r, "modified") {
					if it.Modified = time.UnixMicro(seconds.Draw(r, "µs")).UTC(); it.Modified.Before(it.Added) {
						it.Modified = it.Added
					}
				}
				switch it.Kind {
				case exchange.Folder:
					it.Title = text.Draw(r, "title")
					if depth > 0 {
						it.Children = items(depth - 1)
					}
				case exchange.Bookmark, exchange.Query:
					it.Title = text.Draw(r, "title")
					it.URL = map[exchange.Kind]string{exchange.Bookmark: "https://x.example/", exchange.Query: "place:"}[it.Kind] +
						rapid.StringMatching(`([!-~]|é|&amp;|"|<){0,20}`).Draw(r, "path")
					it.Tags = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z&"é][a-z ]{0,3}[a-z<]`), 0, 3, rapid.ID).Draw(r, "tags")
					it.Keyword = rapid.StringMatching(`[a-z&"]{0,3}`).Draw(r, "keyword")
					if it.Keyword != "" {
						it.PostData = text.Draw(r, "post")
					}
				}
				list = append(list, it)
			}
			return list
		}
		var tree exchange.Tree
		for _, root := range exchange.Roots {
			*tree.Root(root) = items(4)
		}
		return &tree
	})
}

func TestWritingTellsOfAFullDisk(t *testing.T) {
	tree := &exchange.Tree{Menu: []*exchange.Item{{Title: strings.Repeat("x", 10_000), URL: "a:1"}}}
	for name, write := range map[string]func(io.Writer, *exchange.Tree) error{
		"html": exchange.WriteHTML, "json": exchange.WriteJSON, "jsonlz4": exchange.WriteLZ4,
	} {
		if err := write(fullDisk{}, tree); err == nil || !strings.HasPrefix(err.Error(), "writing bookmarks: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// fuzzed reads any bytes, and holds what comes of them to what is promised.
func fuzzed(t *testing.T, file []byte) {
	s, err := exchange.Read(t.Context(), bytes.NewReader(file), exchange.Options{Now: now})
	if err != nil {
		return
	}
	tree, _, err := s.Bookmarks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	promised(t, tree)
	returns(t, tree)
}

func FuzzHTML(f *testing.F) {
	addFiles(f, "*.html")
	f.Add([]byte(htmlStart + "<DT><H3>f<DL><DT><A HREF=a:1 TAGS=a,b SHORTCUTURL=k POST_DATA=' p' ADD_DATE=1580702706000>x<HR></UL>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzzed(t, append([]byte("<!DOCTYPE NETSCAPE-Bookmark-file-1>"), text...))
	})
}

// FuzzJSON is for Firefox's and Chrome's files.
func FuzzJSON(f *testing.F) {
	addFiles(f, "*.json")
	f.Fuzz(func(t *testing.T, text []byte) { fuzzed(t, text) })
}

func FuzzLZ4(f *testing.F) {
	f.Add([]byte("\x10\x00\x00\x00\xf0\x01{\"type\":\"text/x\"}"))
	f.Fuzz(func(t *testing.T, file []byte) { fuzzed(t, append([]byte("mozLz40\x00"), file...)) })
}

// FuzzPlaces damages a database at two places.
func FuzzPlaces(f *testing.F) {
	path := filepath.Join(f.TempDir(), "places.sqlite")
	whole := smallPlaces(f, path)
	f.Add(uint16(0), []byte("SQLite"), uint16(4096), []byte{13})
	f.Fuzz(func(t *testing.T, at uint16, bytes1 []byte, at2 uint16, bytes2 []byte) {
		file := bytes.Clone(whole)
		copy(file[min(int(at), len(file)):], bytes1)
		copy(file[min(int(at2), len(file)):], bytes2)
		path := filepath.Join(t.TempDir(), "places.sqlite")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := exchange.Open(t.Context(), path, exchange.Options{TempDir: t.TempDir(), Now: now})
		if err != nil {
			return
		}
		defer s.Close()
		if tree, _, err := s.Bookmarks(t.Context()); err == nil {
			promised(t, tree)
		}
		for p, err := range s.History(t.Context(), nil) {
			if err == nil && (p.URL == "" || len(p.Visits) == 0) {
				t.Fatalf("the page %+v", p)
			}
		}
	})
}

func smallPlaces(t testing.TB, path string) []byte {
	db := openDatabase(t, path, "?_pragma=page_size(512)")
	for _, s := range []string{schema, `
		INSERT INTO moz_places (id, url, title) VALUES (1, 'https://a.example/', 'A'), (2, 'place:folder=10', 'Q');
		INSERT INTO moz_bookmarks (id, type, fk, parent, position, title, guid) VALUES (10, 2, NULL, 2, 0, 'folder', 'folderAAAAAA'),
			(11, 1, 1, 10, 0, 'A', 'aaaaaaaaaaaa'), (12, 1, 2, 10, 0, 'Q', NULL), (13, 2, NULL, 4, 0, 'tag', NULL), (14, 1, 1, 13, 0, NULL, NULL);
		INSERT INTO moz_keywords (keyword, place_id) VALUES ('k', 1);
		INSERT INTO moz_historyvisits (place_id, visit_date, visit_type) VALUES (1, 1, 1), (1, 2, 1), (2, 3, 1);`} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

func addFiles(f *testing.F, pattern string) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("no %s: %v", pattern, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
}

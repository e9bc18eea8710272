package exchange_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
)

func TestPocketsHTML(t *testing.T) {
	t.Parallel()
	tree, skips := readText(t, `<!DOCTYPE html>
<html>
	<!--So long and thanks for all the fish-->
	<head>
		<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
		<title>Pocket Export</title>
	</head>
	<body>
		<h1>Unread</h1>
		<ul>
			<li><a href="https://a.example/" time_added="1600000000" tags="go,web dev">A & B</a></li>
			<li><a href="https://b.example/" time_added="1600000001" tags="">https://b.example/</a></li>
		</ul>
		<h1>Read Archive</h1>
		<ul>
			<li><a href="https://c.example/" time_added="1600000002" tags="">The <li> element</a></li>
		</ul>
	</body>
</html>
`)
	if got, want := brief(tree), "menu[Unread[A & B https://b.example/] Read Archive[The <li> element]]"; got != want || skips.Count != 0 {
		t.Errorf("read %s; want %s; skipped %s", got, want, reasons(skips))
	}
	if a := tree.Menu[0].Children[0]; strings.Join(a.Tags, "|") != "go|web dev" || a.Added != time.Unix(1600000000, 0).UTC() {
		t.Errorf("read %+v", a)
	}
}

// TestToolsCSV: bookmarks in rows, as tools and readers export them.
func TestToolsCSV(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, want, tags, skipped, notes string }{
		{"Pocket", "title,url,time_added,tags,status\nA,https://a.example/,1600000000,go|web dev,unread\n,https://b.example/,1600000001,,archive\n\"bad, one\",nothing,,,unread\n",
			"menu[A Archive[]]", "go|web dev", "bad, one: its URL has no scheme, such as https:", ""},
		{"Raindrop", "id,title,note,excerpt,url,folder,tags,created,cover,highlights,favorite\n1,A,a note,x,https://a.example/,Tech / Go,\"go, web dev\",2020-09-13T12:26:40.000Z,,,false\n" +
			"2,B,,,https://b.example/,Unsorted,,2020-09-13T12:26:40.000Z,,,false\n3,C,,,https://c.example/,Tech / Go,,,,,false,more\n4,D,,,https://d.example/,Tech,,,,,false\n",
			"menu[Tech[Go[A C] D] B]", "go|web dev", "", "cells beyond those of the header were left out: 1, the first in line 4|descriptions were left out, since Firefox has no place for them: 1, the first in line 2"},
		{"Instapaper", "URL,Title,Selection,Folder,Timestamp,Tags\r\nhttps://a.example/,A,,Unread,1600000000,\"go,web dev\"\r\nhttps://b.example/,B,,Archive,1600000000,\r\n", "menu[A Archive[B]]", "go|web dev", "", ""},
		{"a spreadsheet", "sep=;\nName;Link;Tags\nA;https://a.example/;go,web dev\n", "menu[A]", "go|web dev", "", ""},
	} {
		s, err := exchange.Read(t.Context(), strings.NewReader(c.file), exchange.Options{Now: now})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		tree, skips, _ := s.Bookmarks(t.Context())
		promised(t, tree)
		if got := brief(tree); got != c.want || reasons(skips) != c.skipped || strings.Join(skips.Notes, "|") != c.notes || s.Format() != exchange.CSV {
			t.Errorf("%s: as %s read\n%s\nwant\n%s\nskipped %s\nnotes %q", c.name, s.Format(), got, c.want, reasons(skips), skips.Notes)
		}
		for _, it := range tree.All() {
			if it.Title == "A" && (strings.Join(it.Tags, "|") != c.tags || it.Added.IsZero() && c.name != "a spreadsheet") {
				t.Errorf("%s: read %+v", c.name, it)
			}
		}
	}
	if _, err := exchange.Read(t.Context(), strings.NewReader("url,username,password\nhttps://a.example,ann,pw\n"), exchange.Options{Now: now}); !errors.Is(err, exchange.ErrPasswords) {
		t.Errorf("a file of passwords: %v", err)
	}
}

const safariXML = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Children</key>
	<array>
		<dict><key>Title</key><string>History</string><key>WebBookmarkType</key><string>WebBookmarkTypeProxy</string></dict>
		<dict><key>Title</key><string>BookmarksBar</string><key>WebBookmarkType</key><string>WebBookmarkTypeList</string>
			<key>Children</key><array>
				<dict><key>URIDictionary</key><dict><key>title</key><string>Go &amp; é</string></dict><key>URLString</key><string>https://go.dev/?a=1&amp;b=2</string>
					<key>WebBookmarkType</key><string>WebBookmarkTypeLeaf</string></dict>
				<dict><key>Title</key><string>F</string><key>WebBookmarkType</key><string>WebBookmarkTypeList</string><key>Children</key><array/></dict>
			</array></dict>
		<dict><key>Title</key><string>BookmarksMenu</string><key>WebBookmarkType</key><string>WebBookmarkTypeList</string></dict>
		<dict><key>Title</key><string>com.apple.ReadingList</string><key>WebBookmarkType</key><string>WebBookmarkTypeList</string>
			<key>Children</key><array>
				<dict><key>ReadingList</key><dict><key>DateAdded</key><date>2020-09-13T12:26:40Z</date><key>PreviewText</key><string>about</string></dict>
					<key>URIDictionary</key><dict><key>title</key><string>Later</string></dict><key>URLString</key><string>https://later.example/</string>
					<key>WebBookmarkType</key><string>WebBookmarkTypeLeaf</string></dict>
			</array></dict>
		<dict><key>Title</key><string>Odd</string><key>WebBookmarkType</key><string>WebBookmarkTypeOdd</string></dict>
	</array>
	<key>Title</key><string></string>
	<key>WebBookmarkFileVersion</key><integer>1</integer>
	<key>WebBookmarkType</key><string>WebBookmarkTypeList</string>
</dict>
</plist>
`

// bplist writes values as a property list in binary.
func bplist(top any) []byte {
	var objects [][]byte
	var add func(v any) byte
	head := func(kind byte, n int) []byte {
		if n < 15 {
			return []byte{kind<<4 | byte(n)}
		}
		return binary.BigEndian.AppendUint16([]byte{kind<<4 | 0xf, 0x11}, uint16(n))
	}
	add = func(v any) byte {
		at := len(objects)
		objects = append(objects, nil)
		var out []byte
		switch v := v.(type) {
		case string:
			if units := utf16.Encode([]rune(v)); len(units) != len(v) {
				out = head(6, len(units))
				for _, u := range units {
					out = binary.BigEndian.AppendUint16(out, u)
				}
			} else {
				out = append(head(5, len(v)), v...)
			}
		case time.Time:
			out = binary.BigEndian.AppendUint64([]byte{0x33}, math.Float64bits(v.Sub(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)).Seconds()))
		case []any:
			out = head(0xa, len(v))
			for _, item := range v {
				out = append(out, add(item))
			}
		case map[string]any:
			out = head(0xd, len(v))
			var values []byte
			for key, value := range v {
				out = append(out, add(key))
				values = append(values, add(value))
			}
			out = append(out, values...)
		}
		objects[at] = out
		return byte(at)
	}
	add(top)
	file := []byte("bplist00")
	var offsets []byte
	for _, o := range objects {
		offsets = binary.BigEndian.AppendUint16(offsets, uint16(len(file)))
		file = append(file, o...)
	}
	table := len(file)
	file = append(append(file, offsets...), 0, 0, 0, 0, 0, 0, 2, 1)
	for _, n := range []int{len(objects), 0, table} {
		file = binary.BigEndian.AppendUint64(file, uint64(n))
	}
	return file
}

func safariBinary() []byte {
	const kind = "WebBookmarkType"
	leaf := func(title, url string, reading map[string]any) map[string]any {
		m := map[string]any{kind: "WebBookmarkTypeLeaf", "URLString": url, "URIDictionary": map[string]any{"title": title}}
		if reading != nil {
			m["ReadingList"] = reading
		}
		return m
	}
	list := func(title string, children ...any) map[string]any {
		return map[string]any{kind: "WebBookmarkTypeList", "Title": title, "Children": children}
	}
	return bplist(list("", map[string]any{kind: "WebBookmarkTypeProxy", "Title": "History"},
		list("BookmarksBar", leaf("Go & é", "https://go.dev/?a=1&b=2", nil), list("F")), list("BookmarksMenu"),
		list("com.apple.ReadingList", leaf("Later", "https://later.example/", map[string]any{"DateAdded": time.Unix(1600000000, 0), "PreviewText": "about"})),
		map[string]any{kind: "WebBookmarkTypeOdd", "Title": "Odd"}))
}

func TestSafarisBookmarks(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"XML": safariXML, "binary": string(safariBinary())} {
		dir := chromeProfile(t, map[string]string{"Bookmarks.plist": file})
		for _, path := range []string{dir, filepath.Join(dir, "Bookmarks.plist")} {
			s := openSource(t, path)
			tree, skips, err := s.Bookmarks(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, want := brief(tree), "menu[Reading List[Later]]toolbar[Go & é F[]]"; got != want || s.Format() != exchange.Safari {
				t.Errorf("%s: as %s read %s; want %s", name, s.Format(), got, want)
			}
			if reasons(skips) != "Odd: it is neither a bookmark nor a folder" || len(skips.Notes) != 1 {
				t.Errorf("%s: skipped %s, notes %q", name, reasons(skips), skips.Notes)
			}
			if go1, later := tree.Toolbar[0], tree.Menu[0].Children[0]; go1.URL != "https://go.dev/?a=1&b=2" || !later.Added.Equal(time.Unix(1600000000, 0)) {
				t.Errorf("%s: read %+v and %+v", name, go1, later)
			}
		}
	}
}

// TestDamagedPlists: cut anywhere, or with objects within themselves, it is damaged.
func TestDamagedPlists(t *testing.T) {
	t.Parallel()
	whole := safariBinary()
	refuse := func(what string, file []byte) {
		if _, err := exchange.Read(t.Context(), strings.NewReader(string(file)), exchange.Options{Now: now}); !errors.Is(err, exchange.ErrDamaged) && !errors.Is(err, exchange.ErrFormat) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := 8; n < len(whole); n++ {
		refuse("binary, cut", whole[:n])
	}
	end := strings.Index(safariXML, "</dict>\n</plist>")
	for n := strings.Index(safariXML, "<plist") + 7; n < end; n++ {
		refuse("XML, cut", []byte(safariXML[:n]))
	}
	circle := append([]byte("bplist00\xa1\x00\x08"), 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10)
	refuse("a circle", circle)
	bomb := bplist([]any{"x"})
	refuse("no dict", bomb)
}

func TestArchivesAreNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "export.zip")
	if err := os.WriteFile(path, []byte("PK\x03\x04rest"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exchange.Open(t.Context(), path, exchange.Options{Now: now}); err == nil || !strings.Contains(err.Error(), "ZIP archive") {
		t.Errorf("a ZIP archive: %v", err)
	}
}

func FuzzPlist(f *testing.F) {
	f.Add(safariBinary())
	f.Add([]byte(safariXML))
	f.Fuzz(func(t *testing.T, file []byte) {
		fuzzed(t, file)
		fuzzed(t, append([]byte("bplist00"), file...))
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("A,https://a.example/,1600000000,go|web,unread,x/y\n"))
	f.Fuzz(func(t *testing.T, rows []byte) {
		fuzzed(t, append([]byte("title,url,time_added,tags,status,folder\n"), rows...))
	})
}

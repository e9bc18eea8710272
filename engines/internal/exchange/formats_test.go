package exchange_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
)

// readFile reads bookmarks from testdata.
func readFile(t *testing.T, name string) (*exchange.Tree, exchange.Skips, exchange.Format) {
	t.Helper()
	s := openSource(t, filepath.Join("testdata", name))
	tree, skips, err := s.Bookmarks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tree, skips, s.Format()
}

// readText reads bookmarks from a text.
func readText(t *testing.T, text string) (*exchange.Tree, exchange.Skips) {
	t.Helper()
	s, err := exchange.Read(t.Context(), strings.NewReader(text), exchange.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	tree, skips, err := s.Bookmarks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tree, skips
}

// brief writes a tree in one line: F[…] is the folder F.
func brief(tree *exchange.Tree) string {
	var out strings.Builder
	var write func([]*exchange.Item)
	write = func(items []*exchange.Item) {
		for i, it := range items {
			if i > 0 {
				out.WriteByte(' ')
			}
			switch it.Kind {
			case exchange.Separator:
				out.WriteByte('-')
			case exchange.Folder:
				out.WriteString(it.Title + "[")
				write(it.Children)
				out.WriteByte(']')
			default:
				out.WriteString(it.Title)
			}
		}
	}
	for _, r := range exchange.Roots {
		if items := *tree.Root(r); len(items) > 0 {
			out.WriteString(string(r) + "[")
			write(items)
			out.WriteString("]")
		}
	}
	return out.String()
}

func reasons(skips exchange.Skips) string {
	var all []string
	for _, s := range skips.First {
		all = append(all, s.Item+": "+s.Reason)
	}
	return strings.Join(all, "\n")
}

func TestBrowsersFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file    string
		format  exchange.Format
		want    string
		skipped string
	}{
		{"firefox.html", exchange.HTML, "menu[A & 'B' <3 é - Folder[Toolbar's]]toolbar[Bookmarklet]unfiled[Data]", ""},
		{"chrome.html", exchange.HTML, "menu[Other]toolbar[Bar Nested[Webkit's count]]", ""},
		{"safari.html", exchange.HTML, "menu[Favorites[Favorite] Loose Reading List[Later]]", ""},
		{"ie.html", exchange.HTML, "menu[Café[„Zitat“] Shut[]]", ""},
		{"shiftjis.html", exchange.HTML, "menu[日本]", ""},
		{"chrome.json", exchange.Chrome, "menu[Speed Dial[Dial]]toolbar[Bar Nested[Inner]]unfiled[Other]mobile[Mobile]",
			"Without a URL: it has no URL\nA note: it is neither a bookmark nor a folder\nTrash: it is in the browser's trash"},
		{"firefox-3.json", exchange.JSON, "menu[First[] - Third In First In the toolbar In what is gone]mobile[Mobile]",
			"Odd: it is neither a bookmark nor a folder nor a separator\nLive: it is a live bookmark, which Firefox has no longer"},
	} {
		t.Run(c.file, func(t *testing.T) {
			tree, skips, format := readFile(t, c.file)
			if got := brief(tree); got != c.want || format != c.format {
				t.Errorf("as %s read\n%s\nwant\n%s", format, got, c.want)
			}
			if got := reasons(skips); got != c.skipped {
				t.Errorf("skipped\n%s\nwant\n%s", got, c.skipped)
			}
		})
	}
}

const date = "2020-02-03T04:05:06"

func TestFieldsOfHTML(t *testing.T) {
	t.Parallel()
	tree, _, _ := readFile(t, "firefox.html")
	a := tree.Menu[0]
	if a.URL != "https://a.example/?x=1&y=2" || a.Keyword != "find" || a.PostData != "q=%s" || strings.Join(a.Tags, "|") != "go|Web dev" || a.Line != 12 {
		t.Errorf("read %+v", a)
	}
	if added, modified := a.Added.Format("2006-01-02T15:04:05"), a.Modified.Sub(a.Added).Seconds(); added != date || modified != 5 {
		t.Errorf("added %s, modified %v s later", added, modified)
	}
	if f := tree.Menu[2]; f.Added.IsZero() || f.Modified.IsZero() {
		t.Errorf("the folder is %+v", f)
	}
	if q := tree.Menu[2].Children[0]; q.Kind != exchange.Query {
		t.Errorf("the query is %+v", q)
	}
	chrome, _, _ := readFile(t, "chrome.html")
	if w := chrome.Toolbar[1].Children[0]; w.Added.Format("2006-01-02T15:04:05") != date {
		t.Errorf("Chrome's count is read as %v", w.Added)
	}
	ie, _, _ := readFile(t, "ie.html")
	if url := ie.Menu[0].Children[0].URL; url != "http://ie.example/ü" {
		t.Errorf("windows-1252 is read as %q", url)
	}
}

func TestDatesInAnyUnit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ given, want string }{
		{"1580702706", date}, {"1580702706000", date}, {"1580702706000000", date}, {"13225176306000000", date},
		{" 1580702706 ", date}, {"0", ""}, {"-5", ""}, {"", ""}, {"soon", ""}, {"9223372036854775807", ""}, {"99999999999999999999", ""},
		{"99999999999", ""}, // in the year 5138
	} {
		tree, _ := readText(t, `<!DOCTYPE NETSCAPE-Bookmark-file-1><DL><DT><A HREF="a:b" ADD_DATE="`+c.given+`">x</A></DL>`)
		got := tree.Menu[0].Added
		if c.want == "" && !got.IsZero() || c.want != "" && got.Format("2006-01-02T15:04:05") != c.want {
			t.Errorf("%q is read as %v; want %q", c.given, got, c.want)
		}
	}
}

// TestUnsoundMarkup: what a browser would make of it, and nothing lost.
func TestUnsoundMarkup(t *testing.T) {
	t.Parallel()
	const doctype = "<!DOCTYPE NETSCAPE-Bookmark-file-1>"
	for _, c := range []struct{ html, want, skipped string }{
		{"<DL><DT><A HREF=a:1>one<DT><A HREF=a:2>two</DL>", "menu[one two]", ""},
		{"<DL><DT><A HREF=a:1>one<A HREF=a:2>two</A></DL>", "menu[one two]", ""},
		{"<DL><DT><H3>F<DL><DT><A HREF=a:1>one</A></DL><DT><A HREF=a:2>two</A></DL>", "menu[F[one] two]", ""},
		{"<DL><DT><H3>F</H3><DT><H3>G</H3><DL><DT><A HREF=a:1>one</A></DL></DL>", "menu[F[] G[one]]", ""},
		{"<DL><DT><H3>F</H3><DT><A HREF=a:1>one</A></DL>", "menu[F[one]]", ""},
		{"<DL><DT><H3>F</H3><DL><DT><H3>G</H3></DL><DT><A HREF=a:1>one</A></DL>", "menu[F[G[]] one]", ""},
		{"<DL><DT><H3>F</H3><DL><DL><DT><A HREF=a:1>one</A></DL></DL><DT><A HREF=a:2>two</A></DL>", "menu[F[one] two]", ""},
		{"</DL></DL><DL><DT><A HREF=a:1>one</A></DL></DL></DL><DT><A HREF=a:2>two</A>", "menu[one two]", ""},
		{"<UL><LI><H2>F</H2><MENU><LI><A HREF=a:1>one</A></MENU></UL>", "menu[F[one]]", ""},
		{"<DL><DT><A HREF=a:1>one</A><DD>about <b>one</b><DT><H3>F</H3><DD>about F<DL><DT><A HREF=a:2>two</A></DL></DL>", "menu[one F[two]]", ""},
		{"<DL><DT><A HREF=a:1>a <b>bold</b> title</A></DL>", "menu[a <b>bold</b> title]", ""}, // few programs escape titles
		{"<DL><DT><A NAME=x>anchor</A><DT><A HREF='no scheme'>bad</A><DT><A HREF=https://>bare</A><DT><A HREF=a:1>one</A></DL>", "menu[one]",
			"anchor: it has no URL\nbad: its URL has no scheme, such as https:\nbare: its URL names no host"},
		{"<DL><DT><A HREF=a:1>one</A><DT><H3>F</H3><DL><DT><A HREF=a:2>tw", "menu[one F[tw]]", ": the file ends within a folder: it may be cut off"},
		{"<DL><DT><H3 PERSONAL_TOOLBAR_FOLDER=false>F</H3><DL></DL></DL>", "menu[F[]]", ""},
		{"<DL><DT><H3>F</H3><DL><DT><H3 UNFILED_BOOKMARKS_FOLDER>U</H3><DL><DT><A HREF=a:1>one</A></DL><DT><A HREF=a:2>two</A></DL></DL>", "menu[F[two]]unfiled[one]", ""},
	} {
		tree, skips := readText(t, doctype+c.html)
		if got := brief(tree); got != c.want {
			t.Errorf("%s\nis read as %s\nwant       %s", c.html, got, c.want)
		}
		if got := reasons(skips); got != c.skipped {
			t.Errorf("%s: skipped %q; want %q", c.html, got, c.skipped)
		}
	}
}

// TestAHeadingOfTwoRoots: the same file is read the same way each time.
func TestAHeadingOfTwoRoots(t *testing.T) {
	t.Parallel()
	for range 50 {
		tree, _ := readText(t, "<!DOCTYPE NETSCAPE-Bookmark-file-1><DL><DT><H3 "+
			"UNFILED_BOOKMARKS_FOLDER=true MOBILE_BOOKMARKS_FOLDER=true BOOKMARKS_MENU=true PERSONAL_TOOLBAR_FOLDER=true>F</H3><DL><DT><A HREF=a:1>one</A></DL></DL>")
		if got, want := brief(tree), "toolbar[one]"; got != want {
			t.Fatalf("read as %s; want %s", got, want)
		}
	}
}

func TestSkipsNameTheirLine(t *testing.T) {
	t.Parallel()
	_, skips := readText(t, "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL>\n<DT><A HREF=a:1>fine</A>\n<DT><A\n HREF=bad>bad\none</A></DL>")
	if len(skips.First) != 1 || skips.First[0].Line != 4 || skips.First[0].Item != "bad one" {
		t.Errorf("HTML: %+v", skips)
	}
	_, skips, _ = readFile(t, "chrome.json")
	if len(skips.First) != 3 || skips.First[0].Line != 42 {
		t.Errorf("JSON: %+v", skips)
	}
}

func TestFieldsOfJSON(t *testing.T) {
	t.Parallel()
	old, _, _ := readFile(t, "firefox-3.json")
	if third := old.Menu[2]; strings.Join(third.Tags, "|") != "new|old" {
		t.Errorf("tags of %+v", third)
	}
	for i, want := range []string{"place:parent=folderAAAAAA&sort=1", "place:parent=toolbar_____", "place:invalidOldParentId=99&excludeItems=1"} {
		if q := old.Menu[3+i]; q.URL != want || q.Kind != exchange.Query {
			t.Errorf("the query %+v; want %s", q, want)
		}
	}
	chrome, _, _ := readFile(t, "chrome.json")
	nested := chrome.Toolbar[1]
	if nested.Added.Format("2006-01-02T15:04:05.000") != date+".789" || nested.Modified.Sub(nested.Added).Seconds() != 1 {
		t.Errorf("Chrome's dates are read as %v and %v", nested.Added, nested.Modified)
	}
	if bar := chrome.Toolbar[0]; bar.GUID != "" {
		t.Errorf("Chrome's UUID became a GUID: %q", bar.GUID)
	}
}

func TestGUIDsAreUniqueAndFirefoxs(t *testing.T) {
	t.Parallel()
	tree, _ := readText(t, `{"type":"text/x-moz-place-container","children":[{"guid":"menu________","type":"text/x-moz-place-container","children":[
		{"guid":"AAAAAAAAAAAA","title":"a","type":"text/x-moz-place-separator"},
		{"guid":"AAAAAAAAAAAA","title":"b","type":"text/x-moz-place-separator"},
		{"guid":"AAAAAAAAAAA","type":"text/x-moz-place-separator"},
		{"guid":"AAAAAAAAAAA/","type":"text/x-moz-place-separator"}]}]}`)
	var guids []string
	for _, it := range tree.All() {
		guids = append(guids, it.GUID)
	}
	if got := strings.Join(guids, ","); got != "AAAAAAAAAAAA,,," {
		t.Errorf("GUIDs %s", got)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " \n", "url,username,password\n", "PK\x03\x04", "[]", "{}", `{"type":"text/x-moz-place"}`, `{"bookmarks":[]}`,
		"<html><body><p>hello</p><ul><li><a href='https://x.example'>x</a></ul></body></html>", "<?xml version='1.0'?><plist></plist>", "SQLite format 3",
	} {
		if _, err := exchange.Read(t.Context(), strings.NewReader(text), exchange.Options{Now: now}); !errors.Is(err, exchange.ErrFormat) {
			t.Errorf("%q: %v; want ErrFormat", text, err)
		}
	}
	dir := t.TempDir()
	if _, err := exchange.Open(t.Context(), dir, exchange.Options{Now: now}); !errors.Is(err, exchange.ErrNoProfile) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := exchange.Open(t.Context(), filepath.Join(dir, "none"), exchange.Options{Now: now}); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), dir) {
		t.Errorf("no file: %v", err)
	}
	if _, err := exchange.Read(t.Context(), strings.NewReader("SQLite format 3\x00 and more"), exchange.Options{Now: now}); !errors.Is(err, exchange.ErrFormat) {
		t.Errorf("a database from a pipe: %v", err)
	}
}

func TestChromesProfileIsFound(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "chrome.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Bookmarks"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openSource(t, dir)
	if s.Format() != exchange.Chrome {
		t.Errorf("taken for %s", s.Format())
	}
	for _, err := range s.History(t.Context(), nil) {
		if !errors.Is(err, exchange.ErrNoHistory) {
			t.Errorf("its history: %v", err)
		}
	}
}

func TestReadingStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, file := range []string{"firefox.html", "chrome.json"} {
		if _, err := exchange.Open(ctx, filepath.Join("testdata", file), exchange.Options{Now: now}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

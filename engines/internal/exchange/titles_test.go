package exchange_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	utf16 "golang.org/x/text/encoding/unicode"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
)

// TestUnescapedTitles: few programs escape titles, and pages about HTML have titles
// with tags. None swallows what follows it.
func TestUnescapedTitles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"script", "style", "title", "textarea", "iframe", "plaintext", "xmp", "noframes", "noscript", "noembed", "template", "select", "svg", "math",
		"a", "b", "p", "dt", "dd", "dl", "h1", "h3", "hr", "li", "ul", "br", "table", "html", "body", "head", "meta", "base", "!--", "![CDATA[", "?php", "!doctype html"} {
		for _, title := range []string{
			"The <" + name + "> element", "What </" + name + "> closes", "<" + name + ">", "</" + name + ">", "<" + name, "x <" + name + "/>",
			"<" + name + "></" + name + "> both", "<" + name + " class='x'>", "How to write <" + name + ` id="y">text</` + name + ">",
		} {
			if name == "a" && strings.HasSuffix(title, "</a>") {
				continue // which of the two closes it is anybody's guess
			}
			file := "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE>\n<H1>Bookmarks</H1>\n<DL><p>\n" +
				"<DT><A HREF=\"https://e.example/1\">first</A>\n" +
				"<DT><A HREF=\"https://e.example/2\">" + title + "</A>\n" +
				"<DD>about " + title + "\n" +
				"<DT><H3>" + title + "</H3>\n<DL><p>\n" +
				"<DT><A HREF=\"https://e.example/3\">" + title + "</A>\n</DL><p>\n" +
				"<DT><A HREF=\"https://e.example/4\">last</A>\n</DL><p>\n"
			want := fmt.Sprintf("menu[first %[1]s %[1]s[%[1]s] last]", title)
			if strings.HasSuffix(title, "</h1>") || strings.HasSuffix(title, "</h3>") {
				want = "" // as with </a>
			}
			for kind, text := range map[string]string{"": file, "with CRLF": strings.ReplaceAll(file, "\n", "\r\n"), "with CR": strings.ReplaceAll(file, "\n", "\r")} {
				tree, skips := readText(t, text)
				if got := brief(tree); got != want && want != "" || count(tree, exchange.Bookmark) != 4 || skips.Count != 0 {
					t.Errorf("%q %s is read as\n%s\nwant\n%s\nskipped %s", title, kind, got, want, reasons(skips))
				}
			}
		}
	}
}

func TestUnescapedTitlesOfTheReport(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]int{"script-pair.html": 31, "comment-pair.html": 31, "dd-script-pair.html": 4, "script-title.html": 4, "title-tag.html": 4} {
		raw, err := os.ReadFile(filepath.Join("testdata", "titles", file))
		if err != nil {
			t.Fatal(err)
		}
		tree, skips := readText(t, string(raw))
		if n := count(tree, exchange.Bookmark); n != want || skips.Count != 0 {
			t.Errorf("%s: %d bookmarks; want %d; skipped %s", file, n, want, reasons(skips))
		}
	}
}

// TestCharsets: what a file says of its encoding counts wherever its head has it.
func TestCharsets(t *testing.T) {
	t.Parallel()
	const text = "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n%s<META HTTP-EQUIV=\"Content-Type\" CONTENT=\"text/html; charset=%s\">\n" +
		"<TITLE>Bookmarks</TITLE>\n<H1>Bookmarks</H1>\n<DL><p>\n<DT><A HREF=\"https://a.example/\" TAGS=\"%[3]s\">%[3]s</A>\n</DL><p>\n"
	long := "<!-- " + strings.Repeat("This is an automatically generated file. ", 100) + "-->\n"
	for _, c := range []struct {
		name  string
		enc   encoding.Encoding
		title string
	}{
		{"UTF-8", encoding.Nop, "日本 é"}, {"utf8", encoding.Nop, "日本 é"}, {"windows-1250", charmap.Windows1250, "Žluťoučký"},
		{"windows-1251", charmap.Windows1251, "Закладки"}, {"KOI8-R", charmap.KOI8R, "Закладки"}, {"iso-8859-2", charmap.ISO8859_2, "Žluťoučký"},
		{"windows-1252", charmap.Windows1252, "Café „x“"}, {"GBK", simplifiedchinese.GBK, "书签"}, {"gb2312", simplifiedchinese.GBK, "书签"}, {"GB18030", simplifiedchinese.GB18030, "书签"},
		{"Big5", traditionalchinese.Big5, "書籤"}, {"Shift_JIS", japanese.ShiftJIS, "日本ソ"}, {"x-sjis", japanese.ShiftJIS, "日本ソ"}, {"EUC-JP", japanese.EUCJP, "日本"}, {"euc-kr", korean.EUCKR, "북마크"},
		{"UTF-16", utf16.UTF16(utf16.LittleEndian, utf16.UseBOM), "日本 é"}, {"UTF-16LE", utf16.UTF16(utf16.LittleEndian, utf16.IgnoreBOM), "日本 é"},
		{"UTF-16BE", utf16.UTF16(utf16.BigEndian, utf16.IgnoreBOM), "日本 é"}, {"unicode", utf16.UTF16(utf16.BigEndian, utf16.UseBOM), "日本 é"},
		{"UTF-16", encoding.Nop, "日本 é"}, {"nonsense", encoding.Nop, "日本 é"},
	} {
		for _, before := range []string{"", long} {
			file, err := c.enc.NewEncoder().String(fmt.Sprintf(text, before, c.name, c.title))
			if err != nil {
				t.Fatal(err)
			}
			tree, skips := readText(t, file)
			if len(tree.Menu) != 1 || tree.Menu[0].Title != c.title || strings.Join(tree.Menu[0].Tags, "") != c.title || skips.Count != 0 {
				t.Errorf("%s: read %+v; skipped %s", c.name, tree.Menu, reasons(skips))
			}
		}
	}
	// What a title says is not about the file.
	tree, _ := readText(t, htmlStart+"<DT><A HREF=a:1><meta charset=gbk> is 旧</A></DL>")
	if tree.Menu[0].Title != "<meta charset=gbk> is 旧" {
		t.Errorf("read %q", tree.Menu[0].Title)
	}
	// JSON in UTF-16, as an editor saves it.
	file, err := utf16.UTF16(utf16.LittleEndian, utf16.UseBOM).NewEncoder().String(`{"roots":{"other":{"children":[{"type":"url","name":"é","url":"a:1"}]}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if tree, _ := readText(t, file); brief(tree) != "unfiled[é]" {
		t.Errorf("read %s", brief(tree))
	}
}

// TestDatesOfTheReport: what other programs and spreadsheets make of dates.
func TestDatesOfTheReport(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "dates.html"))
	if err != nil {
		t.Fatal(err)
	}
	tree, skips := readText(t, string(raw))
	for _, it := range tree.Menu {
		want := "2020-09-13T12:26:40"
		switch it.Title {
		case "1600000000.5", "1600000000.123456":
			want += it.Title[len("1600000000"):]
		case "2020-09-13":
			want = "2020-09-13T00:00:00"
		case "4102444800": // the clock of these tests
			want = "2100-01-01T00:00:00"
		case "0", "-1", "1", "99999999999":
			want = "0001-01-01T00:00:00"
		}
		if got := it.Added.Format("2006-01-02T15:04:05.999999"); got != want {
			t.Errorf("%s is read as %s; want %s", it.Title, got, want)
		}
	}
	if got, want := reasons(skips), "-1: its date \"-1\" makes no sense and was left out\n"+
		"1: its date \"1\" makes no sense and was left out\n"+
		"99999999999: its date \"99999999999\" makes no sense and was left out"; got != want {
		t.Errorf("skipped\n%s\nwant\n%s", got, want)
	}
}

// TestACutOffFileIsNamedWithItsLine: nothing before the cut is lost, and the report says
// where it is.
func TestACutOffFileIsNamedWithItsLine(t *testing.T) {
	t.Parallel()
	whole := "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n<DT><A HREF=\"a:1\">one</A>\n<DT><H3>F</H3>\n<DL><p>\n<DT><A HREF=\"a:2\">two</A>\n\n"
	for cut, want := range map[string]string{
		"":                         "6: the file ends within a folder: it may be cut off",
		"<DT><A HREF=\"a:3\">thr":  "8: the file ends within a folder: it may be cut off",
		"<DT><A HREF=\"a:3":        "8: the file ends within a tag: it is cut off",
		"<DT><A HREF=\"a:3\" ADD_": "8: the file ends within a tag: it is cut off",
		"<DT><H3":                  "8: the file ends within a tag: it is cut off",
	} {
		for _, crlf := range []bool{false, true} {
			file := whole + cut
			if crlf {
				file = strings.ReplaceAll(file, "\n", "\r\n")
			}
			tree, skips := readText(t, file)
			if got := brief(tree); !strings.HasPrefix(got, "menu[one F[two") {
				t.Errorf("%q: read %s", cut, got)
			}
			if skips.Count != 1 || fmt.Sprintf("%d: %s", skips.First[0].Line, skips.First[0].Reason) != want {
				t.Errorf("%q: %+v; want %s", cut, skips, want)
			}
		}
	}
}

// TestUnsoundTags: quotes that are not escaped or never closed cost no other item.
func TestUnsoundTags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tag, url, title string }{
		{`<A HREF="javascript:alert("hi")" ADD_DATE="1600000000">x</A>`, `javascript:alert("hi")`, "x"},
		{`<A HREF="a:1"TAGS="go">x</A>`, "a:1", "x"},
		{`<A HREF = "a:1" >x</A >`, "a:1", "x"},
		{`<A HREF="https://x.example/?a=1&copy=2&amp;lt=3&lt;">x</A>`, "https://x.example/?a=1&copy=2&lt=3<", "x"},
		{`<A HREF="javascript:if(a>b){c()}">x</A>`, "javascript:if(a>b){c()}", "x"},
		{`<A HREF="a:1>x</A>`, "a:1", "x"},
		{`<A HREF="a:1"`, "a:1", ""},
		{`<A HREF="a:1">x`, "a:1", "x"},
		{`<A HREF="a:1">x</A> and more`, "a:1", "x"},
		{`<A HREF="a:1">x </a> y</A>`, "a:1", "x </a> y"},
		{`<A HREF="a:1">one` + "\n" + `two</A>`, "a:1", "one\ntwo"},
	} {
		tree, _ := readText(t, htmlStart+"\n<DT><A HREF=a:0>zero</A>\n<DT>"+c.tag+"\n<DT><A HREF=\"a:2\">two</A>\n<DT><A HREF=\"a:3\">three</A>\n</DL>")
		if len(tree.Menu) != 4 || tree.Menu[1].URL != c.url || tree.Menu[1].Title != c.title || tree.Menu[2].Title != "two" {
			t.Errorf("%s is read as %s, with %+v", c.tag, brief(tree), tree.Menu[1])
		}
	}
}

func TestDescriptionsAreNamed(t *testing.T) {
	t.Parallel()
	_, skips := readText(t, htmlStart+"\n<DT><A HREF=a:1>one</A>\n<DD>About it\n<DT><A HREF=a:2>two</A>\n<DD>\n<DT><H3>F</H3>\n<DD>About <b>F</b>\n<DL><p></DL><p></DL>")
	if want := "descriptions were left out, since Firefox has no place for them: 2, the first in line 2"; skips.Count != 0 || strings.Join(skips.Notes, "|") != want {
		t.Errorf("%+v; want the note %q", skips, want)
	}
}

// TestManyOddTitlesTakeLittleTime: nothing is looked at over and over.
func TestManyOddTitlesTakeLittleTime(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"<dt>", "<A HREF=a:1>", "<A HREF=x>x</A>y", "<A HREF=a:1></DL>", "</A><dt>", "<!--", "<A HREF=\"", "<title>", "<dt ", "<h3>", "&", "<DD><hr>", "<DT><A HREF='x\n"} {
		text := "<!DOCTYPE NETSCAPE-Bookmark-file-1>" + strings.Repeat(piece, 1<<20/len(piece))
		_, err := exchange.Read(t.Context(), strings.NewReader(text), exchange.Options{Now: now})
		if err != nil && !errors.Is(err, exchange.ErrDamaged) {
			t.Errorf("%s: %v", piece, err)
		}
	}
}

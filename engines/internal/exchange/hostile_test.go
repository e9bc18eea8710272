package exchange_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pierrec/lz4/v4"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

// promised fails unless a tree is what its comments promise of any tree.
func promised(t *testing.T, tree *exchange.Tree) {
	t.Helper()
	guids := map[string]bool{}
	count := 0
	units := func(s string) int { return len(utf16.Encode([]rune(s))) }
	for _, it := range tree.All() {
		count++
		text := []string{it.Title, it.URL, it.Keyword, it.PostData}
		for _, s := range append(text, it.Tags...) {
			if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Fatalf("text %q", s)
			}
		}
		if guids[it.GUID] && it.GUID != "" {
			t.Fatalf("the GUID %s is there twice", it.GUID)
		}
		guids[it.GUID] = true
		isLink := it.Kind == exchange.Bookmark || it.Kind == exchange.Query
		if isLink != (it.URL != "") || len(it.URL) > exchange.MaxURL || strings.HasPrefix(it.URL, "place:") != (it.Kind == exchange.Query) {
			t.Fatalf("a %s has the URL %.100q", it.Kind, it.URL)
		}
		if units(it.Title) > exchange.MaxTitle || it.Kind == exchange.Separator && it.Title != "" || it.Kind != exchange.Folder && it.Children != nil {
			t.Fatalf("a %s has the title %.100q and %d children", it.Kind, it.Title, len(it.Children))
		}
		for _, tag := range it.Tags {
			if tag == "" || strings.Contains(tag, ",") || units(tag) > exchange.MaxTag {
				t.Fatalf("a tag %q", tag)
			}
		}
		if !it.Modified.IsZero() && it.Modified.Before(it.Added) || it.Added.Year() > 2100 || it.Modified.Year() > 2100 {
			t.Fatalf("the dates %v and %v", it.Added, it.Modified)
		}
	}
	if count > exchange.MaxItems {
		t.Fatalf("%d items", count)
	}
	if d := depth(tree); d > exchange.MaxDepth {
		t.Fatalf("folders nest %d deep", d)
	}
}

func depth(tree *exchange.Tree) int {
	var of func([]*exchange.Item) int
	of = func(items []*exchange.Item) (deepest int) {
		for _, it := range items {
			if it.Kind == exchange.Folder {
				deepest = max(deepest, 1+of(it.Children))
			}
		}
		return deepest
	}
	return max(of(tree.Menu), of(tree.Toolbar), of(tree.Unfiled), of(tree.Mobile))
}

const (
	htmlStart = "<!DOCTYPE NETSCAPE-Bookmark-file-1><DL>"
	jsonStart = `{"type":"text/x-moz-place-container","children":[{"guid":"menu________","type":"text/x-moz-place-container","children":[`
)

func count(tree *exchange.Tree, kind exchange.Kind) (n int) {
	for _, it := range tree.All() {
		if it.Kind == kind {
			n++
		}
	}
	return n
}

func TestVeryManyChildren(t *testing.T) {
	t.Parallel()
	many := long.Of(100_000, 1_000_000)
	for name, text := range map[string]string{
		"html": htmlStart + strings.Repeat("<DT><A HREF=a:1>x</A>", many) + "</DL>",
		"json": `{"roots":{"other":{"children":[` + strings.Repeat(`{"type":"url","url":"a:1"},`, many-1) + `{"type":"url","url":"a:1"}]}}}`,
	} {
		tree, skips := readText(t, text)
		if n := count(tree, exchange.Bookmark); n != many || skips.Count != 0 {
			t.Errorf("%s: %d bookmarks, %d skipped", name, n, skips.Count)
		}
	}
}

func TestMoreThanTheMostItems(t *testing.T) {
	t.Parallel()
	const over = 5
	text := htmlStart + strings.Repeat("<HR>", exchange.MaxItems+over) + "</DL>"
	tree, skips := readText(t, text)
	if n := count(tree, exchange.Separator); n != exchange.MaxItems || skips.Count != over || len(skips.First) != over {
		t.Errorf("HTML: %d items, skipped %+v", n, skips)
	}
	text = jsonStart + strings.Repeat(`{},`, exchange.MaxItems+over) + `{}]}]}`
	_, skips = readText(t, text)
	// The root of the file is none of the items, the menu is; none of {} is one either.
	if want := exchange.MaxItems - 1 + over + 2; skips.Count != want || len(skips.First) != 1000 || !strings.Contains(skips.First[0].Reason, "7 were left out") {
		t.Errorf("JSON: %d skipped, %d named; want %d", skips.Count, len(skips.First), want)
	}
}

// TestDeepFolders: beyond MaxDepth folders are dropped, and what is in them is kept.
func TestDeepFolders(t *testing.T) {
	t.Parallel()
	const deep = 100_000
	for name, text := range map[string]string{
		"html": htmlStart + strings.Repeat("<DT><H3>f</H3><DL>", deep) + "<DT><A HREF=a:1>x</A>" + strings.Repeat("</DL>", deep) + "<DT><A HREF=a:2>y</A></DL>",
		"json": jsonStart + strings.Repeat(`{"type":"text/x-moz-place-container","title":"f","children":[`, deep) + `{"type":"text/x-moz-place","uri":"a:1"}` +
			strings.Repeat(`]}`, deep) + `,{"type":"text/x-moz-place","uri":"a:2"}]}]}`,
		"chrome": `{"roots":{"x":{"type":"folder","name":"x","children":[` + strings.Repeat(`{"children":[`, deep-1) + `{"type":"url","url":"a:1"}` +
			strings.Repeat(`],"type":"folder"}`, deep-1) + `,{"type":"url","url":"a:2"}]}}}`,
	} {
		tree, skips := readText(t, text)
		if n := count(tree, exchange.Folder); n != exchange.MaxDepth || skips.Count != deep-n || count(tree, exchange.Bookmark) != 2 {
			t.Errorf("%s: %d folders, %d bookmarks, %d skipped", name, n, count(tree, exchange.Bookmark), skips.Count)
		}
		promised(t, tree)
		if top := tree.Menu[len(tree.Menu)-1]; name != "chrome" && (top.URL != "a:2" || len(tree.Menu) != 2) {
			t.Errorf("%s: what follows the folders went astray", name)
		}
	}
	for _, open := range []string{"[", `{"a":`, `{"children":[`} {
		_, err := exchange.Read(t.Context(), strings.NewReader(`{"x":`+strings.Repeat(open, 3_000_000)), exchange.Options{Now: now})
		if !errors.Is(err, exchange.ErrDamaged) {
			t.Errorf("%s without end: %v", open, err)
		}
	}
}

func TestHugeAndOddText(t *testing.T) {
	t.Parallel()
	megabyte := strings.Repeat("ü", 512<<10)
	long := "https://long.example/" + strings.Repeat("x", exchange.MaxURL)
	for name, text := range map[string]string{
		"html": htmlStart + "<DT><A HREF=a:1 TAGS='" + megabyte + ",short' SHORTCUTURL='" + megabyte + "'>" + megabyte + "</A><DT><A HREF='" + long + "'>long</A>" +
			"<DT><A HREF='a:\x002'>N\x00UL</A><DT><A HREF=a:3>\xff&#xD800;</A></DL>",
		"json": jsonStart + `{"type":"text/x-moz-place","uri":"a:1","tags":"` + megabyte + `,short","keyword":"` + megabyte + `","title":"` + megabyte + `"},` +
			`{"type":"text/x-moz-place","uri":"` + long + `","title":"long"},{"type":"text/x-moz-place","uri":"a:\u00002","title":"N\u0000UL"},` +
			`{"type":"text/x-moz-place","uri":"a:3","title":"\ud800` + "\xff" + `"}]}]}`,
	} {
		tree, skips := readText(t, text)
		promised(t, tree)
		if len(tree.Menu) != 3 || skips.Count != 4 {
			t.Fatalf("%s: %d items; skipped\n%.1000s", name, len(tree.Menu), reasons(skips))
		}
		first := tree.Menu[0]
		if first.Title != strings.Repeat("ü", exchange.MaxTitle) || strings.Join(first.Tags, "|") != "short" || first.Keyword != "" {
			t.Errorf("%s: tags %q, keyword of %d bytes, title of %d", name, first.Tags, len(first.Keyword), len(first.Title))
		}
		if nul := tree.Menu[1]; nul.Title != "NUL" && nul.Title != "N\ufffdUL" || nul.URL != "a:%002" && nul.URL != "a:\ufffd2" {
			t.Errorf("%s: NULs became %q and %q", name, nul.Title, nul.URL)
		}
		if odd := tree.Menu[2]; !utf8.ValidString(odd.Title) || odd.Title == "" {
			t.Errorf("%s: %q", name, odd.Title)
		}
	}
}

func TestATitleIsNotCutWithinACharacter(t *testing.T) {
	t.Parallel()
	tree, _ := readText(t, htmlStart+"<DT><A HREF=a:1>x"+strings.Repeat("😀", exchange.MaxTitle)+"</A></DL>")
	if got, want := tree.Menu[0].Title, "x"+strings.Repeat("😀", exchange.MaxTitle/2-1); got != want {
		t.Errorf("cut to %d bytes; want %d", len(got), len(want))
	}
}

func TestATagWithoutEnd(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader(htmlStart+"<DT><A ICON='"), io.LimitReader(zeros{}, 1<<30))
	_, err := exchange.Read(t.Context(), endless, exchange.Options{Now: now})
	if !errors.Is(err, exchange.ErrDamaged) {
		t.Errorf("%v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestTruncatedJSON(t *testing.T) {
	t.Parallel()
	whole := jsonStart + `{"type":"text/x-moz-place","uri":"a:1","title":"x"}]}]}`
	for n := 1; n < len(whole); n++ {
		if _, err := exchange.Read(t.Context(), strings.NewReader(whole[:n]), exchange.Options{Now: now}); !errors.Is(err, exchange.ErrDamaged) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	for _, more := range []string{"x", "{}", "]"} {
		if _, err := exchange.Read(t.Context(), strings.NewReader(whole+more), exchange.Options{Now: now}); !errors.Is(err, exchange.ErrDamaged) {
			t.Errorf("with %q at its end: %v", more, err)
		}
	}
}

// packed makes a jsonlz4 file that claims to unpack to length bytes.
func packed(t *testing.T, text string, length int) []byte {
	t.Helper()
	block := make([]byte, lz4.CompressBlockBound(len(text)))
	n, err := lz4.CompressBlock([]byte(text), block, nil)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.LittleEndian.AppendUint32([]byte("mozLz40\x00"), uint32(length)), block[:n]...)
}

func TestDamagedLZ4(t *testing.T) {
	t.Parallel()
	text := jsonStart + strings.Repeat(`{"type":"text/x-moz-place","uri":"a:1","title":"x"},`, 50) + `{}]}]}`
	whole := packed(t, text, len(text))
	read := func(file []byte) error {
		_, err := exchange.Read(t.Context(), bytes.NewReader(file), exchange.Options{Now: now})
		return err
	}
	if err := read(whole); err != nil {
		t.Fatal(err)
	}
	for n := len("mozLz40\x00"); n < len(whole); n++ {
		if err := read(whole[:n]); !errors.Is(err, exchange.ErrDamaged) {
			t.Fatalf("after %d of %d bytes: %v", n, len(whole), err)
		}
	}
	for _, length := range []int{0, 1, len(text) - 1, len(text) + 1, 200 << 20} {
		if err := read(packed(t, text, length)); !errors.Is(err, exchange.ErrDamaged) {
			t.Errorf("with a length of %d: %v", length, err)
		}
	}
	if err := read(packed(t, text, 1<<32-1)); !errors.Is(err, exchange.ErrTooLarge) {
		t.Errorf("with a length of 4 GiB: %v", err)
	}
	if err := read(packed(t, "not JSON", 8)); !errors.Is(err, exchange.ErrDamaged) && !errors.Is(err, exchange.ErrFormat) {
		t.Errorf("what is not JSON: %v", err)
	}
}

// TestErrorsAreSentences: what a user sees is one line.
func TestErrorsAreSentences(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x", `{"a":`, `{"a":tru}`, "mozLz40\x00", string(packed(t, "{}", 7)), "{}"} {
		_, err := exchange.Read(t.Context(), strings.NewReader(text), exchange.Options{Now: now})
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "it is ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

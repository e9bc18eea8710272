package exchange_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
)

// chromeProfile makes a profile's folder with files.
func chromeProfile(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	emptyChrome   = `{"roots":{"bookmark_bar":{"children":[],"type":"folder","name":"Bar"},"other":{"children":[],"type":"folder"},"synced":{"children":[],"type":"folder"}},"version":1}`
	localChrome   = `{"roots":{"bookmark_bar":{"children":[{"type":"url","name":"L","url":"a:1"},{"type":"url","name":"Both","url":"a:2"},{"type":"folder","name":"F","children":[{"type":"url","name":"LF","url":"a:3"}]}],"type":"folder"},"other":{"children":[],"type":"folder"}}}`
	accountChrome = `{"roots":{"bookmark_bar":{"children":[{"type":"url","name":"Both","url":"a:2"},{"type":"url","name":"A","url":"a:4"},{"type":"url","name":"A","url":"a:4"},
		{"type":"folder","name":"F","children":[{"type":"url","name":"AF","url":"a:5"},{"type":"url","name":"LF","url":"a:3"}]},{"type":"url","name":"bad"}],"type":"folder"},
		"other":{"children":[{"type":"url","name":"O","url":"a:6"}],"type":"folder"}}}`
)

// TestChromesAccountBookmarks: a signed-in Chrome keeps its bookmarks in a second file.
func TestChromesAccountBookmarks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                string
		files               map[string]string
		open, want, skipped string
	}{
		{"account alone", map[string]string{"AccountBookmarks": accountChrome}, "", "toolbar[Both A A F[AF LF]]unfiled[O]", "bad: it has no URL"},
		{"beside an empty one", map[string]string{"Bookmarks": emptyChrome, "AccountBookmarks": accountChrome}, "", "toolbar[Both A A F[AF LF]]unfiled[O]",
			"bad: it has no URL (AccountBookmarks, line 2)"},
		{"both", map[string]string{"Bookmarks": localChrome, "AccountBookmarks": accountChrome}, "", "toolbar[L Both F[LF AF] A A]unfiled[O]",
			"bad: it has no URL (AccountBookmarks, line 2)"},
		{"the second is damaged", map[string]string{"Bookmarks": localChrome, "AccountBookmarks": "{"}, "", "toolbar[L Both F[LF]]",
			"AccountBookmarks: it is damaged or incomplete: it ends in the middle of the JSON, in line 1"},
		{"the first is damaged", map[string]string{"Bookmarks": "{", "AccountBookmarks": localChrome}, "", "toolbar[L Both F[LF]]",
			"Bookmarks: it is damaged or incomplete: it ends in the middle of the JSON, in line 1"},
		{"named alone", map[string]string{"Bookmarks": localChrome, "AccountBookmarks": accountChrome}, "AccountBookmarks", "toolbar[Both A A F[AF LF]]unfiled[O]", "bad: it has no URL"},
		{"the other named", map[string]string{"Bookmarks": localChrome, "AccountBookmarks": accountChrome}, "Bookmarks", "toolbar[L Both F[LF]]", ""},
	} {
		s := openSource(t, filepath.Join(chromeProfile(t, c.files), c.open))
		tree, skips, err := s.Bookmarks(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := brief(tree); got != c.want || s.Format() != exchange.Chrome || reasons(skips) != c.skipped {
			t.Errorf("%s: as %s read\n%s\nwant\n%s\nskipped %s", c.name, s.Format(), got, c.want, reasons(skips))
		}
		if told := strings.Contains(strings.Join(skips.Notes, " "), "AccountBookmarks beside this file"); told != (c.open == "Bookmarks") {
			t.Errorf("%s: notes %q", c.name, skips.Notes)
		}
	}
	if _, err := exchange.Open(t.Context(), chromeProfile(t, map[string]string{"Bookmarks": "{", "AccountBookmarks": "{"}), exchange.Options{Now: now}); err == nil {
		t.Error("two damaged files are taken for a profile")
	}
}

// TestVivaldis: what Vivaldi keeps besides, and its separators.
func TestVivaldis(t *testing.T) {
	t.Parallel()
	tree, skips := readText(t, `{"roots":{"bookmark_bar":{"type":"folder","children":[
		{"type":"url","name":"Go","url":"https://go.dev/","meta_info":{"Nickname":"Gopher","Description":"the language","Thumbnail":{"x":[{"Nickname":"no"}]}},"date_added":"13244473600000000"},
		{"type":"url","name":"---","url":"http://bookmark.placeholder.url/","meta_info":{"Description":"separator"}},
		{"type":"folder","name":"F","meta_info":{"Nickname":"eff"},"children":[]},
		{"type":"url","name":"Plain","url":"a:1","Nickname":"no"}]}}}`)
	if got := brief(tree); got != "toolbar[Go - F[] Plain]" || skips.Count != 0 {
		t.Errorf("read %s; skipped %s", got, reasons(skips))
	}
	if k := tree.Toolbar[0].Keyword; k != "gopher" || tree.Toolbar[0].Added.Year() != 2020 {
		t.Errorf("the nickname became the keyword %q of %+v", k, tree.Toolbar[0])
	}
	if p := tree.Toolbar[3]; p.Keyword != "" {
		t.Errorf("read %+v", p)
	}
	want := "descriptions were left out, since Firefox has no place for them: 1, the first in line 2|nicknames of folders were left out, since Firefox has no place for them: 1, the first in line 4"
	if got := strings.Join(skips.Notes, "|"); got != want {
		t.Errorf("notes %s", got)
	}
	tree, _ = readText(t, htmlStart+"<DT><A HREF=a:1>one</A>\n<DT><A HREF=\"http://bookmark.placeholder.url/\">---</A>\n</DL>")
	if got := brief(tree); got != "menu[one -]" {
		t.Errorf("its HTML is read as %s", got)
	}
}

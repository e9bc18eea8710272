package term

import (
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

func TestTableAlignsByCellsNotRunes(t *testing.T) {
	tab := Table{Head: []string{"NAME", "N"}}
	tab.Add("日本", "1")
	tab.Add("abcd", "2")
	var b strings.Builder
	if err := tab.Print(&b); err != nil {
		t.Fatal(err)
	}
	const want = "NAME  N\n日本  1\nabcd  2\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestTableFitsTheTerminal(t *testing.T) {
	tab := Table{Head: []string{"ID", "TITLE", "URL"}, Width: 40}
	tab.Add("1", strings.Repeat("t", 50), "https://example.org/"+strings.Repeat("u", 90))
	var b strings.Builder
	if err := tab.Print(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if w := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); w > 40 {
			t.Errorf("a line of %d cells: %q", w, line)
		}
	}
	if !strings.Contains(b.String(), "…") {
		t.Errorf("nothing says that text was cut:\n%s", b.String())
	}
}

func TestTableDefusesTerminalEscapes(t *testing.T) {
	var tab Table
	tab.Add("a\x1b[31mred", "two\nlines", "\u202eevil")
	var b strings.Builder
	if err := tab.Print(&b); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e") || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("escapes reach the terminal: %q", b.String())
	}
}

package main

import (
	"io"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// table prints rows in aligned columns. Widths are those of a terminal, where a
// Chinese character takes two cells; text/tabwriter counts one.
type table struct {
	// head names the columns; nil prints none.
	head []string
	rows [][]string
	// width is where lines end, in cells; 0: nowhere. When the rows are wider, the
	// column named by give is shortened first.
	width int
	give  int
}

func (t *table) add(cells ...string) {
	for i, c := range cells {
		cells[i] = printable(c)
	}
	t.rows = append(t.rows, cells)
}

const gap = 2

func (t *table) print(w io.Writer) error {
	rows := t.rows
	if t.head != nil {
		rows = append([][]string{t.head}, rows...)
	}
	widths := t.widths(rows)
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			c = shorten(c, widths[i])
			line.WriteString(c)
			line.WriteString(strings.Repeat(" ", widths[i]-uniseg.StringWidth(c)+gap))
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// widths measures the columns, and takes from the widest what does not fit, from
// the giving column first and from no column below a legible rest.
func (t *table) widths(rows [][]string) []int {
	const legible = 12
	var widths []int
	total := -gap
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(c))
		}
	}
	for _, w := range widths {
		total += w + gap
	}
	if t.width <= 0 {
		return widths
	}
	take := func(i int) {
		n := min(total-t.width, widths[i]-legible)
		if n > 0 {
			widths[i] -= n
			total -= n
		}
	}
	if t.give < len(widths) {
		take(t.give)
	}
	for total > t.width {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		before := total
		take(widest)
		if total == before {
			break
		}
	}
	return widths
}

// shorten cuts s to a number of cells, with an ellipsis where it was cut.
func shorten(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if used+g.Width() > width-1 {
			break
		}
		used += g.Width()
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}

// printable replaces what would move the cursor, change colours or hide text:
// titles and names come from other devices and from web pages.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return '\uFFFD'
		}
		return r
	}, s)
}

package main

import (
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// table prints rows in aligned columns. Widths are those of a terminal, where a
// Chinese character takes two cells; text/tabwriter counts one.
type table struct {
	// head names the columns; nil prints none.
	head []string
	rows [][]string
	// width is where lines end, in cells; 0: nowhere. Where the rows are wider, the
	// widest columns are shortened.
	width int
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

// legible is the width below which no column is shortened, in cells.
const legible = 12

// widths measures the columns, and takes what does not fit from the widest, cell
// by cell.
func (t *table) widths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(c))
		}
	}
	total := gap * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; t.width > 0 && total > t.width; total-- {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= legible {
			break
		}
		widths[widest]--
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

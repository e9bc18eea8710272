package term

import (
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// A Table prints rows in aligned columns. It measures text in cells of a terminal, of
// which a Chinese character takes two; text/tabwriter counts one.
type Table struct {
	// Head names the columns; nil prints no header.
	Head []string
	Rows [][]string
	// Width is the maximal length of a line in cells; 0 means no limit. Longer lines
	// have their widest columns shortened.
	Width int
}

// Add adds a row.
func (t *Table) Add(cells ...string) {
	for i, c := range cells {
		cells[i] = Printable(c)
	}
	t.Rows = append(t.Rows, cells)
}

const gap = 2

// Print writes the header and the rows to w.
func (t *Table) Print(w io.Writer) error {
	rows := t.Rows
	if t.Head != nil {
		rows = append([][]string{t.Head}, rows...)
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

// legible is the width in cells to which a column may be shortened.
const legible = 12

// widths measures the columns, and narrows the widest cell by cell until a line fits.
func (t *Table) widths(rows [][]string) []int {
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
	for ; t.Width > 0 && total > t.Width; total-- {
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

package exchange

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/internal/textfile"
)

// csvColumns maps the names of columns in exports of Pocket, Raindrop, Instapaper and
// similar tools, in lower case, to what is read of a row.
var csvColumns = map[string]string{
	"url": "url", "link": "url", "href": "url", "title": "title", "name": "title", "tags": "tags", "folder": "folder",
	"time_added": "added", "created": "added", "timestamp": "added", "date_added": "added", "add_date": "added", "date": "added",
	"status": "status", "note": "note", "excerpt": "note", "description": "note", "selection": "note",
	"keyword": "keyword", "password": "password",
}

// csvReader reads bookmarks from the rows of a CSV file.
type csvReader struct {
	b      *builder
	csv    *textfile.CSV
	column map[string]int
	width  int
	// folders are the folders of earlier rows, by path, so that each is made once.
	folders map[string]*[]*Item
	extra   []int // lines with cells beyond the header's
}

// readCSV reads a CSV file with a column of URLs. Items without a folder go into the
// menu.
func readCSV(r io.Reader, b *builder) error {
	c := &csvReader{b: b, csv: textfile.NewCSV(r), folders: make(map[string]*[]*Item)}
	ok, err := c.csv.Header(c.fits)
	switch {
	case err != nil:
		return err
	case !ok:
		return ErrFormat
	case c.column["password"] > 0:
		return ErrPasswords
	}
	for {
		fields, line, err := c.csv.Read()
		var bad *textfile.RowError
		switch {
		case errors.Is(err, io.EOF):
			c.b.noteLines("cells beyond those of the header were left out", c.extra)
			return nil
		case errors.As(err, &bad):
			b.skips.Add(Skip{Line: line, Reason: bad.Reason})
		case err != nil:
			return err
		default:
			c.row(fields, line)
		}
	}
}

// fits reports whether names are those of the columns, one of them of URLs, and notes them.
// Columns are counted from 1.
func (c *csvReader) fits(names []string) bool {
	c.column, c.width = make(map[string]int), len(names)
	for i, name := range names {
		if field := csvColumns[name]; field != "" && (c.column[field] == 0 || field == "url") {
			if field == "url" && c.column[field] != 0 {
				return false
			}
			c.column[field] = i + 1
		}
	}
	// A single column is not enough: a line of prose may begin with "url".
	return c.column["url"] > 0 && len(names) > 1
}

func (c *csvReader) row(fields []string, line int) {
	field := func(name string) string {
		if i := c.column[name]; i > 0 && i <= len(fields) {
			return strings.TrimSpace(fields[i-1])
		}
		return ""
	}
	it := &Item{URL: field("url"), Title: field("title"), Keyword: field("keyword"), Line: line}
	// Pocket separates tags with |, since they may have commas.
	it.Tags = strings.FieldsFunc(field("tags"), func(r rune) bool { return r == '|' || r == ',' })
	it.Added = c.b.parseDate(it, field("added"))
	c.b.describe(it, field("note"))
	if len(fields) > c.width && slices.ContainsFunc(fields[c.width:], func(s string) bool { return strings.TrimSpace(s) != "" }) {
		c.extra = append(c.extra, line)
	}
	folder := field("folder")
	if folder == "" && strings.EqualFold(field("status"), "archive") {
		folder = "Archive" // as in Pocket's HTML, what was read is apart
	}
	c.into(folder)
	c.b.add(it)
	c.b.open = c.b.open[:1]
}

// into opens the folder of a path, "A / B" or "A/B". An item without a folder is in
// "Unsorted" to Raindrop, and in "Unread" to Instapaper.
func (c *csvReader) into(path string) {
	if path == "Unsorted" || path == "Unread" {
		return
	}
	key := ""
	for depth, name := range strings.Split(path, "/") {
		name = strings.TrimSpace(name)
		if name == "" || depth >= MaxDepth {
			continue
		}
		key += "/" + name
		if items := c.folders[key]; items != nil {
			c.b.open = append(c.b.open, openFolder{items, c.b.top().depth + 1})
			continue
		}
		opened := len(c.b.open)
		c.b.enter(&Item{Title: name})
		if len(c.b.open) == opened {
			c.b.ignored = 0 // there are too many items
			return
		}
		c.folders[key] = c.b.top().items
	}
}

// noteLines notes what was left out of some lines.
func (b *builder) noteLines(what string, lines []int) {
	if len(lines) > 0 {
		b.skips.Notes = append(b.skips.Notes, fmt.Sprintf("%s: %d, the first in line %d", what, len(lines), lines[0]))
	}
}

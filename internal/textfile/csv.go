package textfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// MaxRow bounds one row of a CSV file, in bytes.
const MaxRow = 64 << 10

// A CSV reads the dialects of RFC 4180 that browsers, tools and spreadsheets write, a row at
// a time: in UTF-8 or UTF-16, separated by commas, semicolons, tabs or bars, and with
// any line ends. Unlike encoding/csv, it skips exactly one line if a quote is not
// closed, and reads the following lines as rows.
type CSV struct {
	// Backslash means that within quotes, a backslash escapes a quote or a backslash.
	Backslash bool

	in    *bufio.Reader
	comma byte
	eol   byte
	ahead []string // lines that were read but not used, with their line ends
	line  int      // the number of lines used
}

// NewCSV returns a reader of rows from r. The separator is the comma unless [CSV.Header]
// finds another.
func NewCSV(r io.Reader) *CSV {
	c := &CSV{in: FromUTF16(bufio.NewReaderSize(r, MaxRow)), comma: ',', eol: '\n'}
	if c.in.Size() < MaxRow {
		c.in = bufio.NewReaderSize(c.in, MaxRow)
	}
	if mark, err := c.in.Peek(len(UTF8Mark)); err == nil && string(mark) == UTF8Mark {
		_, _ = c.in.Discard(len(UTF8Mark))
	}
	start, _ := c.in.Peek(MaxRow)
	if at := bytes.IndexAny(start, "\r\n"); at >= 0 && at+1 < len(start) && start[at] == '\r' && start[at+1] != '\n' {
		c.eol = '\r' // as old programs on a Mac write
	}
	return c
}

// A RowError means that a row cannot be read. Later rows may be readable.
type RowError struct {
	// Reason is a clause about the row, without any of its content.
	Reason string
}

func (e *RowError) Error() string { return e.Reason }

var errOpenQuote = errors.New("a quote is never closed")

// Header reads the first row. It chooses the separator with which fits accepts the names
// in it, trimmed and in lower case; ok is false if there is none. It passes over a
// spreadsheet's line "sep=;" before the row. The error is the reader's.
func (c *CSV) Header(fits func(names []string) bool) (ok bool, err error) {
	if first, err := c.peek(0); err == nil {
		line := strings.TrimRight(first, "\r\n")
		if len(line) == len("sep=;") && strings.EqualFold(line[:4], "sep=") {
			c.use(1)
		}
	}
	for _, comma := range []byte{',', ';', '\t', '|'} {
		c.comma = comma
		names, _, used, err := c.next()
		var bad *RowError
		switch {
		case errors.Is(err, io.EOF), errors.As(err, &bad):
			continue
		case err != nil:
			return false, err
		}
		for i, name := range names {
			names[i] = strings.ToLower(strings.TrimSpace(name))
		}
		if fits(names) {
			c.use(used)
			return true, nil
		}
	}
	return false, nil
}

// Read returns the next row that is not empty and the line on which it begins, from 1. It
// returns io.EOF at the end, and a [*RowError] for a row that cannot be read.
func (c *CSV) Read() (fields []string, line int, err error) {
	fields, line, used, err := c.next()
	c.use(used)
	return fields, line, err
}

// next is Read without moving on; used is how many lines make the row. It passes empty
// lines before the row.
func (c *CSV) next() (fields []string, line, used int, err error) {
	for {
		text, err := c.peek(0)
		if err != nil {
			return nil, c.line + 1, 0, err
		}
		if strings.Trim(text, "\r\n") != "" {
			break
		}
		c.use(1)
	}
	line = c.line + 1
	fields, used, err = c.row()
	return fields, line, used, err
}

// row reads the row that begins with the next line; used is how many lines make it.
func (c *CSV) row() (fields []string, used int, err error) {
	var row strings.Builder
	for lines := 1; ; lines++ {
		text, end := c.peek(lines - 1)
		if errors.Is(end, io.EOF) {
			break
		}
		if end != nil {
			return nil, 0, end
		}
		row.WriteString(text)
		// A line without a quote leaves an open one open.
		if lines == 1 || strings.Contains(text, `"`) {
			if fields, err = c.split(row.String()); err == nil {
				return fields, lines, nil
			}
		}
		if !errors.Is(err, errOpenQuote) || row.Len() > MaxRow {
			break
		}
	}
	return nil, 1, &RowError{err.Error()}
}

// peek returns the line n lines after the next.
func (c *CSV) peek(n int) (string, error) {
	for len(c.ahead) <= n {
		text, err := c.in.ReadSlice(c.eol)
		long := errors.Is(err, bufio.ErrBufferFull)
		kept := string(text)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = c.in.ReadSlice(c.eol)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if kept == "" {
			return "", io.EOF
		}
		if long {
			kept = "\x00" // split refuses it
		}
		c.ahead = append(c.ahead, kept)
	}
	return c.ahead[n], nil
}

func (c *CSV) use(n int) {
	c.ahead = c.ahead[n:]
	c.line += n
}

// split returns the fields of a row, or errOpenQuote if the row may continue in the
// next line.
func (c *CSV) split(row string) (fields []string, err error) {
	if strings.ContainsRune(row, 0) {
		return nil, fmt.Errorf("it is longer than %d bytes or has a NUL", MaxRow)
	}
	if !utf8.ValidString(row) {
		return nil, errors.New("it is not UTF-8")
	}
	row = strings.TrimSuffix(strings.TrimSuffix(row, "\n"), "\r")
	for {
		var field string
		if !strings.HasPrefix(row, `"`) {
			field, row, err = c.bare(row)
		} else {
			field, row, err = c.quoted(row[1:])
		}
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
		if row == "" {
			return fields, nil
		}
		row = row[1:] // the separator
	}
}

func (c *CSV) bare(row string) (field, rest string, err error) {
	end := strings.IndexByte(row, c.comma)
	if end < 0 {
		end = len(row)
	}
	if strings.Contains(row[:end], `"`) {
		return "", "", errors.New("there is a quote within a field that has none around it")
	}
	return row[:end], row[end:], nil
}

func (c *CSV) quoted(row string) (field, rest string, err error) {
	var b strings.Builder
	for {
		end := strings.IndexByte(row, '"')
		if at := strings.IndexByte(row, '\\'); c.Backslash && at >= 0 && (end < 0 || at < end) && at+1 < len(row) {
			b.WriteString(row[:at])
			b.WriteByte(row[at+1])
			row = row[at+2:]
			continue
		}
		if end < 0 {
			return "", "", errOpenQuote
		}
		b.WriteString(row[:end])
		row = row[end+1:]
		switch {
		case strings.HasPrefix(row, `"`):
			b.WriteByte('"')
			row = row[1:]
		case row == "" || row[0] == c.comma:
			return b.String(), row, nil
		default:
			return "", "", errors.New("there is text behind a closing quote")
		}
	}
}

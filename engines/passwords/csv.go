package passwords

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxRow bounds one row of a CSV file, in bytes.
const maxRow = 64 << 10

// csvReader reads RFC 4180 a row at a time. Unlike encoding/csv it gives up
// exactly one line when a quote is never closed: the rows that the open quote
// would swallow are read again as rows.
type csvReader struct {
	in    *bufio.Reader
	ahead []string // lines that were read and not used, with their line ends
	line  int      // how many lines were used
}

func newCSVReader(r io.Reader) *csvReader {
	c := &csvReader{in: bufio.NewReaderSize(r, maxRow)}
	if bom, err := c.in.Peek(3); err == nil && string(bom) == "\xef\xbb\xbf" {
		_, _ = c.in.Discard(3)
	}
	return c
}

// rowError is a row that cannot be read; the next one may be.
type rowError struct{ reason string }

func (e *rowError) Error() string { return e.reason }

var errOpenQuote = errors.New("a quote is never closed")

// read returns the next row that is not empty and the line on which it begins. It
// returns io.EOF at the end, and a *rowError for a row to pass over.
func (c *csvReader) read() (fields []string, line int, err error) {
	for {
		line = c.line + 1
		text, err := c.peek(0)
		if err != nil {
			return nil, line, err
		}
		if strings.Trim(text, "\r\n") == "" {
			c.use(1)
			continue
		}
		var row strings.Builder
		row.WriteString(text)
		for lines := 1; ; lines++ {
			// A line without a quote leaves an open one open.
			if lines == 1 || strings.Contains(text, `"`) {
				if fields, err = split(row.String()); err == nil {
					c.use(lines)
					return fields, line, nil
				}
			}
			if !errors.Is(err, errOpenQuote) || row.Len() > maxRow {
				break
			}
			next, end := c.peek(lines)
			if errors.Is(end, io.EOF) {
				break
			}
			if end != nil {
				return nil, line, end
			}
			row.WriteString(next)
			text = next
		}
		c.use(1)
		return nil, line, &rowError{err.Error()}
	}
}

// peek returns the line that is n ahead.
func (c *csvReader) peek(n int) (string, error) {
	for len(c.ahead) <= n {
		text, err := c.in.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		kept := string(text)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = c.in.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if kept == "" {
			return "", io.EOF
		}
		if long {
			kept = "\x00" // stands for it: no row may hold one
		}
		c.ahead = append(c.ahead, kept)
	}
	return c.ahead[n], nil
}

func (c *csvReader) use(n int) {
	c.ahead = c.ahead[n:]
	c.line += n
}

// split takes a row apart. It returns errOpenQuote if the row may go on in the
// next line.
func split(row string) (fields []string, err error) {
	if strings.ContainsRune(row, 0) {
		return nil, fmt.Errorf("it is longer than %d bytes or has a NUL", maxRow)
	}
	if !utf8.ValidString(row) {
		return nil, errors.New("it is not UTF-8")
	}
	row = strings.TrimSuffix(strings.TrimSuffix(row, "\n"), "\r")
	for {
		var field string
		if !strings.HasPrefix(row, `"`) {
			field, row, err = bare(row)
		} else {
			field, row, err = quoted(row[1:])
		}
		if err != nil {
			return nil, err
		}
		fields = append(fields, field)
		if row == "" {
			return fields, nil
		}
		row = row[1:] // the comma
	}
}

func bare(row string) (field, rest string, err error) {
	end := strings.IndexByte(row, ',')
	if end < 0 {
		end = len(row)
	}
	if strings.Contains(row[:end], `"`) {
		return "", "", errors.New("there is a quote within a field that has none around it")
	}
	return row[:end], row[end:], nil
}

func quoted(row string) (field, rest string, err error) {
	var b strings.Builder
	for {
		end := strings.IndexByte(row, '"')
		if end < 0 {
			return "", "", errOpenQuote
		}
		b.WriteString(row[:end])
		row = row[end+1:]
		switch {
		case strings.HasPrefix(row, `"`):
			b.WriteByte('"')
			row = row[1:]
		case row == "" || row[0] == ',':
			return b.String(), row, nil
		default:
			return "", "", errors.New("there is text behind a closing quote")
		}
	}
}

package passwords

import (
	"bufio"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// Whatever the file holds, each row is read or named, in order, to the end.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"a,b\r\nc,d", "\ufeff\"a\"\"b\",c,\"d\ne\"\n\"", "\"open\nx,\"y\"\n\n\nz", "\"", ",", "\x00\n\xff\n", "a\rb\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		c := newCSVReader(strings.NewReader(file))
		lines := strings.Count(file, "\n") + 1
		last := 0
		for {
			fields, line, err := c.read()
			if errors.Is(err, io.EOF) {
				break
			}
			var bad *rowError
			if err != nil && !errors.As(err, &bad) {
				t.Fatal(err)
			}
			if line <= last || line > lines {
				t.Fatalf("line %d after line %d of %d", line, last, lines)
			}
			last = line
			if err == nil {
				again(t, fields)
			}
		}
	})
}

// again writes the row as an export does, and reads it.
func again(t *testing.T, fields []string) {
	t.Helper()
	var text strings.Builder
	out := bufio.NewWriter(&text)
	row(out, fields...)
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if text.Len() > maxRow {
		return
	}
	got, _, err := newCSVReader(strings.NewReader(text.String())).read()
	if err != nil || !reflect.DeepEqual(got, fields) {
		t.Fatalf("%q was written as %q and read as %q, %v", fields, text.String(), got, err)
	}
}

// A quote that is never closed costs its line, and the search for its end is
// bounded.
func TestOpenQuoteBeforeManyLines(t *testing.T) {
	const rows = 100_000
	c := newCSVReader(strings.NewReader("\"open\n" + strings.Repeat("x\n", rows)))
	if _, line, err := c.read(); err == nil || line != 1 {
		t.Fatalf("line %d: %v; want line 1 named", line, err)
	}
	if len(c.ahead) > maxRow {
		t.Fatalf("%d lines are held", len(c.ahead))
	}
	read := 0
	for {
		_, _, err := c.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		read++
	}
	if read != rows {
		t.Fatalf("%d rows were read; want %d", read, rows)
	}
}

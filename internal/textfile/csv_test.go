package textfile

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"
)

// Whatever the file holds, each row is read or named, in order, to the end.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"a,b\r\nc,d", "\ufeff\"a\"\"b\",c,\"d\ne\"\n\"", "\"open\nx,\"y\"\n\n\nz", "\"", ",", "\x00\n\xff\n", "a\rb\n", "a,b\rc,d\r", "\xff\xfea\x00,\x00b\x00\n\x00", "\x00a\x00,\x00\n", "sep=;\na;b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		c := NewCSV(strings.NewReader(file))
		lines := strings.Count(file, "\n") + strings.Count(file, "\r") + 1
		if strings.Contains(file, "\x00") || strings.HasPrefix(file, "\xff\xfe") || strings.HasPrefix(file, "\xfe\xff") {
			lines = len(file) + 1 // in UTF-16 the bytes of line ends are in other characters
		}
		last := 0
		for {
			fields, line, err := c.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			var bad *RowError
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
	for i, field := range fields {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(`"` + strings.ReplaceAll(field, `"`, `""`) + `"`)
	}
	text.WriteString("\r\n")
	if text.Len() > MaxRow {
		return
	}
	got, _, err := NewCSV(strings.NewReader(text.String())).Read()
	if err != nil || !reflect.DeepEqual(got, fields) {
		t.Fatalf("%q was written as %q and read as %q, %v", fields, text.String(), got, err)
	}
}

// A quote that is never closed costs its line, and the search for its end is
// bounded.
func TestOpenQuoteBeforeManyLines(t *testing.T) {
	t.Parallel()
	const rows = 100_000
	c := NewCSV(strings.NewReader("\"open\n" + strings.Repeat("x\n", rows)))
	if _, line, err := c.Read(); err == nil || line != 1 {
		t.Fatalf("line %d: %v; want line 1 named", line, err)
	}
	if len(c.ahead) > MaxRow {
		t.Fatalf("%d lines are held", len(c.ahead))
	}
	read := 0
	for {
		_, _, err := c.Read()
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

func TestDialects(t *testing.T) {
	t.Parallel()
	const want = "[url user name pass,word] [https://a.example  x\"y] [https://b.example ü\nz 3]"
	plain := "url,user name,\"pass,word\"\nhttps://a.example,,\"x\"\"y\"\nhttps://b.example,\"ü\nz\",3\n"
	encode := func(text string, order unicode.Endianness, mark unicode.BOMPolicy) string {
		out, err := unicode.UTF16(order, mark).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	semicolons := "url;user name;\"pass,word\"\r\nhttps://a.example;;\"x\"\"y\"\r\nhttps://b.example;\"ü\nz\";3"
	for name, file := range map[string]string{
		"commas": plain, "CRLF": strings.ReplaceAll(strings.ReplaceAll(plain, "\n", "\r\n"), "ü\r\n", "ü\n"),
		"CR": strings.ReplaceAll(strings.ReplaceAll(plain, "\n", "\r"), "ü\r", "ü\n"), "a mark": UTF8Mark + plain,
		"semicolons": semicolons, "tabs": strings.ReplaceAll(semicolons, ";", "\t"), "sep": "sep=;\r\n" + semicolons, "sep of commas": "sep=,\r\n" + plain,
		"UTF-16 LE": encode(plain, unicode.LittleEndian, unicode.UseBOM), "UTF-16 BE": encode(plain, unicode.BigEndian, unicode.UseBOM),
		"UTF-16 LE without a mark": encode(plain, unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16 BE without a mark": encode(plain, unicode.BigEndian, unicode.IgnoreBOM),
		"UTF-16 with tabs": encode(strings.ReplaceAll(semicolons, ";", "\t"), unicode.LittleEndian, unicode.UseBOM),
	} {
		c := NewCSV(strings.NewReader(file))
		var got []string
		ok, err := c.Header(func(names []string) bool {
			got = []string{fmt.Sprint(names)}
			return len(names) == 3
		})
		if !ok || err != nil {
			t.Errorf("%s: the header: %v, %v", name, ok, err)
			continue
		}
		for {
			fields, _, err := c.Read()
			if err != nil {
				break
			}
			got = append(got, fmt.Sprint(fields))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: read %s; want %s", name, text, want)
		}
	}
}

func TestBackslashes(t *testing.T) {
	t.Parallel()
	c := NewCSV(strings.NewReader(`"a\\b","c\"d","e"` + "\n"))
	c.Backslash = true
	if fields, _, err := c.Read(); err != nil || strings.Join(fields, "|") != `a\b|c"d|e` {
		t.Errorf("read %q, %v", fields, err)
	}
}

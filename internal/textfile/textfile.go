// Package textfile reads text files of other programs, in their encodings, and
// the dialects of CSV.
package textfile

import (
	"bufio"
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
)

// UTF8Mark is the byte order mark with which programs on Windows begin files in UTF-8.
const UTF8Mark = "\xef\xbb\xbf"

// UTF8 returns a reader of a text in UTF-8 or UTF-16 as UTF-8 without a byte order mark.
func UTF8(r io.Reader) *bufio.Reader {
	in := FromUTF16(bufio.NewReader(r))
	if mark, err := in.Peek(len(UTF8Mark)); err == nil && string(mark) == UTF8Mark {
		_, _ = in.Discard(len(UTF8Mark))
	}
	return in
}

// FromUTF16 decodes a text in UTF-16, which editors and spreadsheets on Windows
// save, to UTF-8; it returns in for any other text. It takes a text for UTF-16 if it begins
// with a byte order mark or with two ASCII characters.
func FromUTF16(in *bufio.Reader) *bufio.Reader {
	start, _ := in.Peek(4)
	var order unicode.Endianness
	switch {
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}):
		order = unicode.LittleEndian
	case bytes.HasPrefix(start, []byte{0xfe, 0xff}):
		order = unicode.BigEndian
	case len(start) == 4 && start[0] != 0 && start[1] == 0 && start[2] != 0 && start[3] == 0:
		order = unicode.LittleEndian
	case len(start) == 4 && start[0] == 0 && start[1] != 0 && start[2] == 0 && start[3] != 0:
		order = unicode.BigEndian
	default:
		return in
	}
	return bufio.NewReaderSize(unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(in), in.Size())
}

// Package textfile reads text files that other programs wrote: in their encodings, and
// in the dialects of CSV that there are.
package textfile

import (
	"bufio"
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
)

// UTF8Mark is the mark that programs on Windows begin a file in UTF-8 with.
const UTF8Mark = "\xef\xbb\xbf"

// UTF8 reads a text in UTF-8 or UTF-16 as UTF-8 without a mark.
func UTF8(r io.Reader) *bufio.Reader {
	in := FromUTF16(bufio.NewReader(r))
	if mark, err := in.Peek(len(UTF8Mark)); err == nil && string(mark) == UTF8Mark {
		_, _ = in.Discard(len(UTF8Mark))
	}
	return in
}

// FromUTF16 makes UTF-8 of a text in UTF-16, which editors and spreadsheets on Windows
// save; any other text comes back as it is. UTF-16 begins with a mark, or every other
// byte of its first characters, which must be ASCII, is zero.
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

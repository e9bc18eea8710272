package exchange

import (
	"bufio"
	"io"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"

	"github.com/syncmanager/syncmanager/internal/lazyre"
)

// maxHead bounds the part of an HTML file that may declare its encoding, in bytes.
const maxHead = 256 << 10

var (
	metaCharset = lazyre.New(`(?i)<meta[^>]{0,1000}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)`)
	firstItem   = lazyre.New(`(?i)<(?:dt|dl|h3|a)[\s>]`)
)

// decodeHTML decodes a file with a <META> before its first item that declares an encoding
// other than UTF-8. It returns any other file as it is; see utf8Text.
func decodeHTML(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, maxHead)
	start, err := in.Peek(maxHead)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if at := firstItem.FindIndex(start); at != nil {
		start = start[:at[0]]
	}
	found := metaCharset.FindSubmatch(start)
	if found == nil {
		return in, nil
	}
	enc, name := charset.Lookup(string(found[1]))
	switch name {
	// Text that declares UTF-16 in ASCII is not UTF-16; old browsers wrote windows-1252
	// and declared anything.
	case "", "utf-8", "utf-16le", "utf-16be", "windows-1252", "replacement", "x-user-defined":
		return in, nil
	}
	return enc.NewDecoder().Reader(in), nil
}

// utf8Text decodes text of a file without a declared encoding: as UTF-8,
// or else as windows-1252, which old browsers wrote in the west.
func utf8Text(s []byte) string {
	if !utf8.Valid(s) {
		if decoded, err := charmap.Windows1252.NewDecoder().Bytes(s); err == nil {
			s = decoded
		}
	}
	return string(s)
}

package rawjson

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquoted returns the text of a JSON string. The text is a slice of raw if raw has
// no escapes. ok is false if raw is not a string.
func Unquoted(raw []byte) (text []byte, ok bool) {
	e, escaped, err := str(raw, 0)
	if err != nil || e != len(raw) {
		return nil, false
	}
	if !escaped {
		return raw[1 : e-1], true
	}
	text, err = AppendUnquoted(make([]byte, 0, len(raw)), raw)
	return text, err == nil
}

// AppendUnquoted appends the text of the JSON string raw to dst. A lone
// surrogate becomes U+FFFD, as in encoding/json. dst may be raw[1:1], to unquote in
// place: a text is never longer than the string that it is read from.
func AppendUnquoted(dst, raw []byte) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '"' {
		return dst, syntax(0, "not a string")
	}
	for i := 1; ; {
		p := plain(raw, i)
		dst = append(dst, raw[i:p]...)
		if p >= len(raw) {
			return dst, syntax(p, "unterminated string")
		}
		switch raw[p] {
		case '"':
			if p+1 != len(raw) {
				return dst, syntax(p+1, "more than one value")
			}
			return dst, nil
		case '\\':
			if p+1 < len(raw) && simple[raw[p+1]] != 0 {
				dst = append(dst, simple[raw[p+1]])
				i = p + 2
				continue
			}
			r, size := character(raw, p)
			if size == 0 {
				return dst, syntax(p, "bad escape")
			}
			dst = utf8.AppendRune(dst, r) // U+FFFD for a lone surrogate
			i = p + size
		default:
			return dst, syntax(p, "control character in a string")
		}
	}
}

// Unicode reports whether raw is UTF-8 and none of its escapes is half of
// a surrogate pair without the other half, which stands for no character and so would
// not come back as it was sent (RFC 7493, section 2.1). The rest of the package does not
// check this, and neither does encoding/json. raw must be JSON; see [Valid].
func Unicode(raw []byte) bool {
	if !utf8.Valid(raw) {
		return false
	}
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 || i+1 == len(raw) {
			return true
		}
		size := 2
		if raw[i+1] == 'u' {
			var r rune
			if r, size = character(raw, i); size == 0 || utf16.IsSurrogate(r) {
				return false
			}
		}
		raw = raw[i+size:]
	}
}

// character returns the character of the escape \uXXXX at i, and the length of the escape,
// or of two that are a surrogate pair. A lone surrogate is returned as it is.
// The length is 0 if there is no such escape at i.
func character(raw []byte, i int) (r rune, size int) {
	r, ok := unit(raw, i)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		low, _ := unit(raw, i+6)
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return r, 6
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s to dst as a JSON string. Bytes that are not UTF-8 are
// copied as they are: the caller decides what to do about them.
func AppendQuoted[S ~string | ~[]byte](dst []byte, s S) []byte {
	text := []byte(s) // no copy: it is only read
	dst = append(dst, '"')
	for {
		n := plain(text, 0)
		dst = append(dst, text[:n]...)
		if n == len(text) {
			return append(dst, '"')
		}
		switch c := text[n]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		text = text[n+1:]
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special sets the high bit of each byte of w that is a quote, a backslash or a
// control character. A borrow can set one bit too many, but only above a true one,
// and only the lowest counts.
func special(w uint64) uint64 {
	// Flipping that bit makes a quote 0x20, the next after the control characters.
	control := (w ^ ones*('"'^0x20)) - ones*0x21
	slash := (w ^ ones*'\\') - ones
	return (control | slash) &^ w & highs
}

// plain returns the position of the first quote, backslash or control character
// from i on. It reads many bytes at a time: nearly all of a record is one base64
// string.
func plain(raw []byte, i int) int {
	for ; len(raw)-i >= 16; i += 16 {
		w := raw[i : i+16]
		a, b := special(binary.LittleEndian.Uint64(w)), special(binary.LittleEndian.Uint64(w[8:]))
		if a|b != 0 {
			if a != 0 {
				return i + bits.TrailingZeros64(a)/8
			}
			return i + 8 + bits.TrailingZeros64(b)/8
		}
	}
	for len(raw)-i >= 8 {
		if hit := special(binary.LittleEndian.Uint64(raw[i:])); hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
		i += 8
	}
	for i < len(raw) && raw[i] != '"' && raw[i] != '\\' && raw[i] >= 0x20 {
		i++
	}
	return i
}

// str returns where the string that begins at i ends, after its closing quote,
// and whether it has escapes.
func str(raw []byte, i int) (end int, escaped bool, err error) {
	if i >= len(raw) || raw[i] != '"' {
		return i, false, syntax(i, "not a string")
	}
	i++
	for {
		i = plain(raw, i)
		if i >= len(raw) {
			return i, false, syntax(i, "unterminated string")
		}
		switch raw[i] {
		case '"':
			return i + 1, escaped, nil
		case '\\':
			escaped = true
			if i+1 < len(raw) && simple[raw[i+1]] != 0 {
				i += 2
			} else if _, ok := unit(raw, i); ok {
				i += 6
			} else {
				return i, false, syntax(i, "bad escape")
			}
		default:
			return i, false, syntax(i, "control character in a string")
		}
	}
}

// simple has the characters of the escapes of one letter, and 0 for other letters.
var simple = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unit returns the UTF-16 code unit of the escape \uXXXX at i.
func unit(raw []byte, i int) (rune, bool) {
	if len(raw)-i < 6 || raw[i] != '\\' || raw[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range raw[i+2 : i+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

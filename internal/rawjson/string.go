package rawjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquoted returns the text of a JSON string. It is a slice of raw where raw has
// no escapes. ok is false if raw is no string.
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

// AppendUnquoted appends the text of the JSON string that raw is to dst. A lone
// surrogate becomes U+FFFD, as in encoding/json. dst may be raw[1:1]: a text is
// never longer than what it is read from, and so can take its place.
func AppendUnquoted(dst, raw []byte) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '"' {
		return dst, syntax(0, "no string")
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

// Unicode reports whether raw is UTF-8 and none of its escapes is a lone half of
// a surrogate pair, which stands for no character and so would not come back as
// it was sent (RFC 7493, section 2.1). The rest of the package does not ask, and
// nor does encoding/json. It is for JSON texts: whether raw is one, Valid tells.
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

// character returns what the escape \uXXXX at i stands for, and its length: that
// of two where they are a surrogate pair. A lone surrogate comes back as it is.
// The length of what is no such escape is 0.
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
// passed on as they are: who holds text decides what to do about them.
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

package rawjson

import (
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
// surrogate becomes U+FFFD, as in encoding/json.
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
			n, err := escape(raw, p)
			if err != nil {
				return dst, err
			}
			i = p + n
			switch c := raw[p+1]; c {
			case 'b':
				dst = append(dst, '\b')
			case 'f':
				dst = append(dst, '\f')
			case 'n':
				dst = append(dst, '\n')
			case 'r':
				dst = append(dst, '\r')
			case 't':
				dst = append(dst, '\t')
			case 'u':
				r, _ := hex4(raw, p+2)
				if utf16.IsSurrogate(r) {
					pair := rune(utf8.RuneError)
					if i+1 < len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
						if low, ok := hex4(raw, i+2); ok {
							pair = utf16.DecodeRune(r, low)
						}
					}
					if r = pair; r != utf8.RuneError {
						i += 6
					}
				}
				dst = utf8.AppendRune(dst, r)
			default:
				dst = append(dst, c)
			}
		default:
			return dst, syntax(p, "control character in a string")
		}
	}
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s to dst as a JSON string. Bytes that are not UTF-8 are
// passed on as they are: who holds text decides what to do about them.
func AppendQuoted[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
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
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

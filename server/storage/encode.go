package storage

import (
	"strconv"
	"unicode/utf8"
)

// appendString appends s as a JSON string. It escapes what JSON demands, and
// U+2028 and U+2029 are left as they are: this is no script.
func appendString[T string | []byte](b []byte, s T) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			// What came in was valid; what a damaged file gives back may not be.
			if r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))])); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			b = append(append(b, s[start:i]...), "\ufffd"...)
			i++
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

// appendRecord appends r as the wire has it. A TTL is never sent back.
func appendRecord(b []byte, r *Record) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, string(r.ID))
	b = append(b, `,"modified":`...)
	b = r.Modified.AppendText(b)
	if r.SortIndex.Valid {
		b = append(b, `,"sortindex":`...)
		b = strconv.AppendInt(b, r.SortIndex.V, 10)
	}
	b = append(b, `,"payload":`...)
	b = appendString(b, r.Payload)
	return append(b, '}')
}

// appendKB appends a number of bytes in KB.
func appendKB(b []byte, bytes int64) []byte {
	return strconv.AppendFloat(b, float64(bytes)/1024, 'f', -1, 64)
}

// appendUpload appends what became of a POST's records as two members of an
// object, without its braces.
func appendUpload(b []byte, u *upload) []byte {
	b = append(b, `"success":[`...)
	for i := range u.changes {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, string(u.changes[i].ID))
	}
	b = append(b, `],"failed":{`...)
	for i, f := range u.failed {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, f.id)
		b = append(b, ':')
		b = appendString(b, f.reason)
	}
	return append(b, '}')
}

package storage

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// appendString appends s as a JSON string. Stored text was UTF-8; text from a damaged file
// may not be, and must not make the whole answer invalid.
func appendString[T string | []byte](b []byte, s T) []byte {
	text := []byte(s) // no copy: it is only read
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	return rawjson.AppendQuoted(b, text)
}

// appendRecord appends r as the API sends it. A TTL is never sent.
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

// appendUpload appends which of a POST's records were stored and which failed, as two
// members of an object without its braces.
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

package term

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Hides reports whether a character moves the cursor, changes colours, or hides or
// reorders text in a terminal. Titles and names come from other devices and from web
// pages, and may hold such characters.
func Hides(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// Printable replaces the characters that [Hides] reports.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if Hides(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// A notation writes a character as the format of a text does.
type notation func(r rune) string

// inJSON is the escape within a JSON string, the only place that may hold such
// characters.
func inJSON(r rune) string { return fmt.Sprintf(`\u%04X`, r) }

// inHTML is the character reference.
func inHTML(r rune) string { return fmt.Sprintf("&#x%X;", r) }

// notations are by the name of a format. CSV has no escapes of its own, and gets JSON's.
var notations = map[string]notation{"json": inJSON, "html": inHTML, "csv": inJSON}

// visible is a writer that escapes the characters that hide or reorder text, except
// line ends and tabs.
type visible struct {
	w  io.Writer
	as notation
	// rest is an incomplete character, or a CR, that belongs to the next write.
	rest []byte
}

func (v *visible) Write(p []byte) (int, error) {
	text := append(v.rest, p...)
	out := make([]byte, 0, len(text)+len(text)/8)
	for len(text) > 0 {
		if !utf8.FullRune(text) || len(text) == 1 && text[0] == '\r' {
			break
		}
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			out = utf8.AppendRune(out, utf8.RuneError)
		case r == '\n' || r == '\t' || r == '\r' && text[1] == '\n':
			out = append(out, byte(r))
		case Hides(r):
			out = append(out, v.as(r)...)
		default:
			out = append(out, text[:size]...)
		}
		text = text[size:]
	}
	v.rest = append([]byte(nil), text...)
	if _, err := v.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// VisibleJSON escapes the characters that hide or reorder text in a JSON text.
func VisibleJSON(text []byte) []byte {
	plain := true
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\t' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return text
	}
	var out strings.Builder
	v := visible{w: &out, as: inJSON}
	_, _ = v.Write(text) // a Builder takes all
	out.Write(v.rest)
	return []byte(out.String())
}

// JSONOut is stdout for a JSON text of any length.
func (c *Console) JSONOut() io.Writer { return &visible{w: c.Out, as: inJSON} }

package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hides reports whether a character moves the cursor, changes colours, or hides or
// reorders text in a terminal: titles and names come from other devices and from web
// pages.
func hides(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// printable replaces characters that hide or reorder text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if hides(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// A notation writes a character as the format of a text does.
type notation func(r rune) string

// inJSON is for what is within strings, where all such characters are; it stands for the
// same string.
func inJSON(r rune) string { return fmt.Sprintf(`\u%04X`, r) }

// inHTML stands for the same character.
func inHTML(r rune) string { return fmt.Sprintf("&#x%X;", r) }

// notations are by the name of a format. CSV has none, and gets JSON's.
var notations = map[string]notation{"json": inJSON, "html": inHTML, "csv": inJSON}

// visible writes a text on with the characters that hide or reorder text in a notation.
// Line ends and tabs are the text's own.
type visible struct {
	w  io.Writer
	as notation
	// rest is the beginning of a character, or a CR, that the next write goes on with.
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
		case hides(r):
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

// visibleJSON escapes in a JSON text what JSON itself leaves as it is.
func visibleJSON(text []byte) []byte {
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

// jsonOut is stdout for a JSON text of any length.
func (a *app) jsonOut() io.Writer { return &visible{w: a.stdout, as: inJSON} }

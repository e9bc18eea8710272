package storage

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// errSyntax means that a body is not JSON.
var errSyntax = errors.New("not valid JSON")

// maxDepth bounds how deep the values may nest that a client sends in vain: no
// field of a record nests at all.
const maxDepth = 32

// scanner walks over JSON text. It decodes strings in place, over the text that
// it has passed: a string never grows when its escapes go.
type scanner struct {
	text []byte
	at   int
}

// peek passes over white space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// take passes over c, and fails if something else comes.
func (s *scanner) take(c byte) error {
	if s.peek() != c || s.at == len(s.text) {
		return errSyntax
	}
	s.at++
	return nil
}

// more is called before each element of an array or member of an object that
// ends with end, with the number of those before it.
func (s *scanner) more(end byte, before int) (bool, error) {
	if s.peek() == end {
		s.at++
		return false, nil
	}
	if before == 0 {
		return true, nil
	}
	if err := s.take(','); err != nil {
		return false, err
	}
	return true, nil
}

// plain marks the bytes of a string that stand for themselves.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return t
}()

// str reads a string. The result is part of the text.
func (s *scanner) str() ([]byte, error) {
	if err := s.take('"'); err != nil {
		return nil, err
	}
	start, text := s.at, s.text
	i := start
	for i < len(text) && plain[text[i]] {
		i++
	}
	end := i // of what is decoded
	for {
		if i == len(text) {
			return nil, errSyntax
		}
		switch c := text[i]; {
		case c == '"':
			s.at = i + 1
			if !utf8.Valid(text[start:end]) {
				return nil, errSyntax
			}
			return text[start:end:end], nil
		case c == '\\':
			n, size := unescape(text[end:end], text[i:])
			if size == 0 {
				return nil, errSyntax
			}
			end += n
			i += size
		case c < ' ':
			return nil, errSyntax
		}
		run := i
		for i < len(text) && plain[text[i]] {
			i++
		}
		end += copy(text[end:], text[run:i])
	}
}

// unescape decodes the escape that text starts with to the end of to, and
// returns the bytes written and read; 0 if it is none.
func unescape(to, text []byte) (written, read int) {
	if len(text) < 2 {
		return 0, 0
	}
	c := text[1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r, size := hex4(text), 6
		if utf16.IsSurrogate(r) {
			// A lone half stands for no character, and would not come back as sent.
			if r = utf16.DecodeRune(r, hex4(text[min(6, len(text)):])); r == utf8.RuneError {
				return 0, 0
			}
			size = 12
		}
		if r < 0 {
			return 0, 0
		}
		return len(utf8.AppendRune(to, r)), size
	default:
		return 0, 0
	}
	_ = append(to, c)
	return 1, 2
}

// hex4 is the code unit of an escape like \u00e9, or -1.
func hex4(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// literal reads a number, true, false or null.
func (s *scanner) literal() ([]byte, error) {
	s.peek()
	start := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', c == 'E', c == '+', c == '-', c == '.':
			s.at++
			continue
		}
		break
	}
	word := s.text[start:s.at]
	switch string(word) {
	case "true", "false", "null":
		return word, nil
	}
	if !isNumber(word) {
		return nil, errSyntax
	}
	return word, nil
}

// isNumber reports whether b is a number of JSON's grammar.
func isNumber(b []byte) bool {
	digits := func() (n int) {
		for n < len(b) && '0' <= b[n] && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	zero := len(b) > 0 && b[0] == '0'
	if n := digits(); n == 0 || zero && n > 1 {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		b = b[1:]
		if digits() == 0 {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return len(b) == 0
}

// skip passes over one value of any kind.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return errSyntax
	}
	c := s.peek()
	switch c {
	case '"':
		_, err := s.str()
		return err
	case '{', '[':
		s.at++
		end := c + 2 // in ASCII, of both
		for n := 0; ; n++ {
			if more, err := s.more(end, n); !more {
				return err
			}
			if c == '{' {
				if _, err := s.str(); err != nil {
					return err
				}
				if err := s.take(':'); err != nil {
					return err
				}
			}
			if err := s.skip(depth + 1); err != nil {
				return err
			}
		}
	}
	_, err := s.literal()
	return err
}

package firefoxprofile

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/internal/skips"
)

// parsePrefs parses statements like user_pref("name", "value"); which are a small part
// of JavaScript: a name, then a string, an integer or a boolean, with
// JavaScript's escapes and comments. It calls take for each. It leaves a bad statement out up
// to its semicolon, as Firefox does.
func parsePrefs(text []byte, take func(name string, value any), left *skips.List) {
	s := &prefScanner{text: bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), line: 1}
	for {
		err := s.space()
		if err == nil && s.pos == len(s.text) {
			return
		}
		line, name := s.line, ""
		var value any
		if err == nil {
			name, value, err = s.statement()
		}
		if err == nil {
			take(name, value)
			continue
		}
		left.Add(skips.Skip{Line: line, Item: skips.Shorten(name), Reason: err.Error()})
		if !s.recover() {
			return
		}
	}
}

var (
	errPrefSyntax = errors.New("it is not a preference: " + notAsWritten)
	errPrefEnd    = errors.New("the file ends within it")
	errPrefEscape = errors.New("its text has an escape that Firefox does not know")
	errPrefNumber = errors.New("its number is not one of 32 bits")
	errPrefText   = errors.New("its text is not valid UTF-8")
)

type prefScanner struct {
	text []byte
	pos  int
	line int
}

// peek returns the next byte, 0 at the end.
func (s *prefScanner) peek() byte {
	if s.pos == len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

func (s *prefScanner) advance(n int) {
	s.line += bytes.Count(s.text[s.pos:s.pos+n], []byte("\n"))
	s.pos += n
}

// past moves past the next end and returns true, or moves to the end of the text.
func (s *prefScanner) past(end string) bool {
	i := bytes.Index(s.text[s.pos:], []byte(end))
	if i < 0 {
		s.advance(len(s.text) - s.pos)
		return false
	}
	s.advance(i + len(end))
	return true
}

func (s *prefScanner) recover() bool { return s.past(";") }

// space moves past space and comments.
func (s *prefScanner) space() error {
	for {
		rest := s.text[s.pos:]
		switch {
		case len(rest) > 0 && bytes.IndexByte([]byte(" \t\r\n\v\f"), rest[0]) >= 0:
			s.advance(1)
		case bytes.HasPrefix(rest, []byte("#")), bytes.HasPrefix(rest, []byte("//")):
			s.past("\n")
		case bytes.HasPrefix(rest, []byte("/*")):
			s.advance(2)
			if !s.past("*/") {
				return errPrefEnd
			}
		default:
			return nil
		}
	}
}

// expect moves past space and one byte, which must follow.
func (s *prefScanner) expect(b byte) error {
	if err := s.space(); err != nil {
		return err
	}
	if s.pos == len(s.text) {
		return errPrefEnd
	}
	if s.peek() != b {
		return errPrefSyntax
	}
	s.advance(1)
	return nil
}

// word reads a word: letters, digits and other bytes of numbers and names.
func (s *prefScanner) word() string {
	start := s.pos
	for s.pos < len(s.text) && isWord(s.text[s.pos]) {
		s.pos++
	}
	return string(s.text[start:min(s.pos, start+maxWord)])
}

// maxWord bounds a word; all valid ones are shorter.
const maxWord = 40

func isWord(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b == '+' || b == '-'
}

func (s *prefScanner) statement() (name string, value any, err error) {
	switch s.word() {
	case "user_pref", "pref", "sticky_pref":
	default:
		return "", nil, errPrefSyntax
	}
	if err := s.expect('('); err != nil {
		return "", nil, err
	}
	if err := s.space(); err != nil {
		return "", nil, err
	}
	if name, err = s.quoted(); err != nil {
		return "", nil, err
	}
	if err := s.expect(','); err != nil {
		return name, nil, err
	}
	if err := s.space(); err != nil {
		return name, nil, err
	}
	if value, err = s.value(); err != nil {
		return name, nil, err
	}
	if err := s.expect(')'); err != nil {
		return name, nil, err
	}
	return name, value, s.expect(';')
}

func (s *prefScanner) value() (any, error) {
	if b := s.peek(); b == '"' || b == '\'' {
		return s.quoted()
	}
	switch word := s.word(); {
	case word == "true":
		return true, nil
	case word == "false":
		return false, nil
	case word != "" && (isDigit(word[0]) || len(word) > 1 && (word[0] == '+' || word[0] == '-') && isDigit(word[1])):
		n, err := strconv.ParseInt(word, 10, 32)
		if err != nil {
			return nil, errPrefNumber
		}
		return int32(n), nil
	case s.pos == len(s.text):
		return nil, errPrefEnd
	}
	return nil, errPrefSyntax
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// quoted reads a string in quotes of either kind.
func (s *prefScanner) quoted() (string, error) {
	if s.pos == len(s.text) {
		return "", errPrefEnd
	}
	quote := s.peek()
	if quote != '"' && quote != '\'' {
		return "", errPrefSyntax
	}
	s.advance(1)
	var out []byte
	for {
		n := bytes.IndexAny(s.text[s.pos:], string([]byte{quote, '\\'}))
		if n < 0 {
			s.advance(len(s.text) - s.pos)
			return "", errPrefEnd
		}
		out = append(out, s.text[s.pos:s.pos+n]...)
		s.advance(n)
		if len(out) > maxValue {
			return "", fmt.Errorf("its text is longer than %d bytes", maxValue)
		}
		if s.peek() == quote {
			s.advance(1)
			break
		}
		var err error
		if out, err = s.escape(out); err != nil {
			return "", err
		}
	}
	if !utf8.Valid(out) {
		return "", errPrefText
	}
	return string(out), nil
}

// escape reads a backslash and the rest of its escape.
func (s *prefScanner) escape(out []byte) ([]byte, error) {
	s.advance(1)
	kind := s.peek()
	if s.pos < len(s.text) {
		s.advance(1)
	}
	switch kind {
	case '"', '\'', '\\':
		return append(out, kind), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 'x', 'u':
		r, err := s.hex(kind)
		if err != nil {
			return nil, err
		}
		if utf16.IsSurrogate(r) {
			if !bytes.HasPrefix(s.text[s.pos:], []byte(`\u`)) {
				return nil, errPrefEscape
			}
			s.advance(2)
			low, err := s.hex('u')
			if err != nil {
				return nil, err
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return nil, errPrefEscape
			}
		}
		return utf8.AppendRune(out, r), nil
	}
	return nil, errPrefEscape
}

// hex reads the digits of \xHH or \uHHHH, which must not be NUL.
func (s *prefScanner) hex(kind byte) (rune, error) {
	digits := 2
	if kind == 'u' {
		digits = 4
	}
	if len(s.text)-s.pos < digits {
		return 0, errPrefEnd
	}
	n, err := strconv.ParseUint(string(s.text[s.pos:s.pos+digits]), 16, 16)
	if err != nil || n == 0 {
		return 0, errPrefEscape
	}
	s.advance(digits)
	return rune(n), nil
}

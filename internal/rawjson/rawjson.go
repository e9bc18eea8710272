// Package rawjson takes JSON texts apart without decoding them: the members of
// an object, the elements of an array, the text of a string. Values come back as
// slices of the input, so that fields nobody knows travel on byte for byte.
//
// It is strict where RFC 8259 is: a text that encoding/json refuses is refused
// here, and nesting is bounded. It exists because a record is looked at three
// times on its way in (envelope, payload, cleartext), and encoding/json spends
// more on that than the cryptography does; see BenchmarkObject.
package rawjson

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// MaxDepth bounds how deep values may nest.
const MaxDepth = 256

// ErrSyntax is wrapped by all errors about malformed text.
var ErrSyntax = errors.New("malformed JSON")

func syntax(at int, what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrSyntax, what, at)
}

// Object calls f for each member of the object that raw holds, in the text's
// order. key is unescaped; value is the member's text as it stands, without
// space around it. Both may point into raw. An error of f ends the walk and
// comes back as it is. Anything but one object, with or without white space
// around it, is an error that wraps ErrSyntax.
func Object(raw []byte, f func(key, value []byte) error) error {
	i, err := object(raw, space(raw, 0), 1, f)
	if err != nil {
		return err
	}
	return end(raw, i)
}

// Array calls f for each element of the array that raw holds. It otherwise
// behaves as Object does.
func Array(raw []byte, f func(value []byte) error) error {
	return array(raw, func(i int) (int, error) {
		valueEnd, err := value(raw, i, 1)
		if err != nil {
			return i, err
		}
		return valueEnd, f(raw[i:valueEnd])
	})
}

// Objects takes an array of objects apart, in one pass over the text: it calls
// member for the members of each, as Object does, and done behind the last one.
func Objects(raw []byte, member func(key, value []byte) error, done func() error) error {
	return array(raw, func(i int) (int, error) {
		objectEnd, err := object(raw, i, 2, member)
		if err != nil {
			return i, err
		}
		return objectEnd, done()
	})
}

// object calls f for the members of the object that begins at i, whose values
// are that deep, and returns where it ends.
func object(raw []byte, i, depth int, f func(key, value []byte) error) (int, error) {
	if i >= len(raw) || raw[i] != '{' {
		return i, syntax(i, "no object")
	}
	i = space(raw, i+1)
	if i < len(raw) && raw[i] == '}' {
		return i + 1, nil
	}
	for {
		keyEnd, escaped, err := str(raw, i)
		if err != nil {
			return i, err
		}
		key := raw[i+1 : keyEnd-1]
		if escaped {
			if key, err = AppendUnquoted(nil, raw[i:keyEnd]); err != nil {
				return i, err
			}
		}
		i = space(raw, keyEnd)
		if i >= len(raw) || raw[i] != ':' {
			return i, syntax(i, "no colon")
		}
		i = space(raw, i+1)
		valueEnd, err := value(raw, i, depth)
		if err != nil {
			return i, err
		}
		if err := f(key, raw[i:valueEnd]); err != nil {
			return i, err
		}
		i = space(raw, valueEnd)
		switch {
		case i < len(raw) && raw[i] == ',':
			i = space(raw, i+1)
		case i < len(raw) && raw[i] == '}':
			return i + 1, nil
		default:
			return i, syntax(i, "no comma or closing brace")
		}
	}
}

// array calls element with where each element of the array in raw begins; it
// returns where that ends.
func array(raw []byte, element func(i int) (int, error)) (err error) {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '[' {
		return syntax(i, "no array")
	}
	i = space(raw, i+1)
	if i < len(raw) && raw[i] == ']' {
		return end(raw, i+1)
	}
	for {
		if i, err = element(i); err != nil {
			return err
		}
		i = space(raw, i)
		switch {
		case i < len(raw) && raw[i] == ',':
			i = space(raw, i+1)
		case i < len(raw) && raw[i] == ']':
			return end(raw, i+1)
		default:
			return syntax(i, "no comma or closing bracket")
		}
	}
}

// Valid reports whether raw is one JSON value.
func Valid(raw []byte) bool {
	i, err := value(raw, space(raw, 0), 0)
	return err == nil && end(raw, i) == nil
}

func end(raw []byte, i int) error {
	if i = space(raw, i); i != len(raw) {
		return syntax(i, "more than one value")
	}
	return nil
}

func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// value returns where the value that begins at i ends.
func value(raw []byte, i, depth int) (int, error) {
	if i >= len(raw) {
		return i, syntax(i, "unexpected end")
	}
	switch c := raw[i]; {
	case c == '"':
		e, _, err := str(raw, i)
		return e, err
	case c == '{' || c == '[':
		return nested(raw, i, depth)
	case c == '-' || ('0' <= c && c <= '9'):
		return number(raw, i)
	case c == 't':
		return literal(raw, i, "true")
	case c == 'f':
		return literal(raw, i, "false")
	case c == 'n':
		return literal(raw, i, "null")
	}
	return i, syntax(i, "no value")
}

func nested(raw []byte, i, depth int) (int, error) {
	if depth >= MaxDepth {
		return i, syntax(i, "nesting too deep")
	}
	open := raw[i]
	shut := open + 2 // '{'+2 is '}', '['+2 is ']'
	i = space(raw, i+1)
	if i < len(raw) && raw[i] == shut {
		return i + 1, nil
	}
	for {
		var err error
		if open == '{' {
			if i, _, err = str(raw, i); err != nil {
				return i, err
			}
			if i = space(raw, i); i >= len(raw) || raw[i] != ':' {
				return i, syntax(i, "no colon")
			}
			i = space(raw, i+1)
		}
		if i, err = value(raw, i, depth+1); err != nil {
			return i, err
		}
		i = space(raw, i)
		switch {
		case i < len(raw) && raw[i] == ',':
			i = space(raw, i+1)
		case i < len(raw) && raw[i] == shut:
			return i + 1, nil
		default:
			return i, syntax(i, "no comma or closing bracket")
		}
	}
}

func literal(raw []byte, i int, word string) (int, error) {
	if len(raw)-i < len(word) || string(raw[i:i+len(word)]) != word {
		return i, syntax(i, "no value")
	}
	return i + len(word), nil
}

func number(raw []byte, i int) (int, error) {
	digits := func() bool {
		from := i
		for i < len(raw) && '0' <= raw[i] && raw[i] <= '9' {
			i++
		}
		return i > from
	}
	if raw[i] == '-' {
		i++
	}
	if i < len(raw) && raw[i] == '0' {
		i++
	} else if !digits() {
		return i, syntax(i, "bad number")
	}
	if i < len(raw) && raw[i] == '.' {
		if i++; !digits() {
			return i, syntax(i, "bad number")
		}
	}
	if i < len(raw) && (raw[i] == 'e' || raw[i] == 'E') {
		i++
		if i < len(raw) && (raw[i] == '+' || raw[i] == '-') {
			i++
		}
		if !digits() {
			return i, syntax(i, "bad number")
		}
	}
	return i, nil
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special sets the high bit of each byte of w that is a quote, a backslash or a
// control character. A borrow can set one too many, but only above a true one,
// and the lowest is the one that counts.
func special(w uint64) uint64 {
	// Flipping that bit makes a quote 0x20 and leaves the control characters below.
	control := (w ^ ones*('"'^0x20)) - ones*0x21
	slash := (w ^ ones*'\\') - ones
	return (control | slash) &^ w & highs
}

// plain returns the first place from i on that is a quote, a backslash or a
// control character, eight bytes at a time: nearly all of a record is one
// base64 string.
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

// str returns where the string that begins at i ends, behind its closing quote,
// and whether there is an escape in it.
func str(raw []byte, i int) (end int, escaped bool, err error) {
	if i >= len(raw) || raw[i] != '"' {
		return i, false, syntax(i, "no string")
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

// simple is what the escapes of one letter stand for, and 0 for other letters.
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

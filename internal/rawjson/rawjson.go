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
	"errors"
	"fmt"
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

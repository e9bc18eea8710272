// Package rawjson splits JSON texts without decoding them: the members of
// an object, the elements of an array, the text of a string. It returns values as
// slices of the input, so that unknown fields are passed on byte for byte.
//
// It is as strict as RFC 8259: what encoding/json refuses is refused
// here, and nesting is bounded. A record is read three
// times on its way in (envelope, payload, cleartext), and encoding/json spends
// more time on that than the cryptography takes; see BenchmarkObject.
package rawjson

import (
	"errors"
	"fmt"
)

// MaxDepth bounds how deep values may nest.
const MaxDepth = 256

// ErrSyntax is what all errors about malformed text wrap.
var ErrSyntax = errors.New("malformed JSON")

// syntax is not inlined, since that would make the functions that call it slower.
//
//go:noinline
func syntax(at int, what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrSyntax, what, at)
}

// Object calls f for each member of the object that raw holds, in the text's
// order. key is unescaped; value is the member's text, byte for byte, without
// the white space around it. Both may point into raw. Object stops at an error of f
// and returns it as it is. Anything but one object, with or without white space
// around it, is an error that wraps [ErrSyntax].
func Object(raw []byte, f func(key, value []byte) error) error {
	i, err := object(raw, space(raw, 0), 1, f)
	if err != nil {
		return err
	}
	return end(raw, i)
}

// Array calls f for each element of the array that raw holds. It otherwise
// behaves as [Object] does.
func Array(raw []byte, f func(value []byte) error) error {
	return array(raw, func(i int) (int, error) {
		valueEnd, err := value(raw, i, 1)
		if err != nil {
			return i, err
		}
		return valueEnd, f(raw[i:valueEnd])
	})
}

// Objects reads an array of objects in one pass over the text: it calls
// member for the members of each, as [Object] does, and done after the last one.
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
// are at depth, and returns where it ends.
func object(raw []byte, i, depth int, f func(key, value []byte) error) (int, error) {
	if i >= len(raw) || raw[i] != '{' {
		return i, syntax(i, "not an object")
	}
	i, empty := pass(raw, i+1, '}')
	if empty {
		return i, nil
	}
	for more := true; more; i, more = pass(raw, i, ',') {
		start := space(raw, i)
		keyEnd, escaped, err := str(raw, start)
		if err != nil {
			return i, err
		}
		key := raw[start+1 : keyEnd-1]
		if escaped {
			if key, err = AppendUnquoted(nil, raw[start:keyEnd]); err != nil {
				return i, err
			}
		}
		at, ok := pass(raw, keyEnd, ':')
		if !ok {
			return i, syntax(at, "no colon")
		}
		at = space(raw, at)
		if i, err = value(raw, at, depth); err != nil {
			return i, err
		}
		if err := f(key, raw[at:i]); err != nil {
			return i, err
		}
	}
	return closing(raw, i, '}')
}

// array calls element with the position of each element of the array in raw; element
// returns where it ends.
func array(raw []byte, element func(i int) (int, error)) (err error) {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '[' {
		return syntax(i, "not an array")
	}
	i, empty := pass(raw, i+1, ']')
	if empty {
		return end(raw, i)
	}
	for more := true; more; i, more = pass(raw, i, ',') {
		if i, err = element(space(raw, i)); err != nil {
			return err
		}
	}
	if i, err = closing(raw, i, ']'); err != nil {
		return err
	}
	return end(raw, i)
}

// pass returns the position after white space and c. If something else follows the white
// space, it returns the position of that, and false.
func pass(raw []byte, i int, c byte) (int, bool) {
	i = space(raw, i)
	if i < len(raw) && raw[i] == c {
		return i + 1, true
	}
	return i, false
}

// closing returns the end of the object or array that c closes at i.
func closing(raw []byte, i int, c byte) (int, error) {
	i, ok := pass(raw, i, c)
	if !ok {
		return i, syntax(i, "no comma or "+string(c))
	}
	return i, nil
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
	return i, syntax(i, "not a value")
}

// nested returns where the object or array that begins at i ends.
func nested(raw []byte, i, depth int) (int, error) {
	if depth >= MaxDepth {
		return i, syntax(i, "nesting too deep")
	}
	open := raw[i]
	shut := open + 2 // '{'+2 is '}', '['+2 is ']'
	i, empty := pass(raw, i+1, shut)
	if empty {
		return i, nil
	}
	for more := true; more; i, more = pass(raw, i, ',') {
		var err error
		i = space(raw, i)
		if open == '{' {
			if i, _, err = str(raw, i); err != nil {
				return i, err
			}
			var ok bool
			if i, ok = pass(raw, i, ':'); !ok {
				return i, syntax(i, "no colon")
			}
			i = space(raw, i)
		}
		if i, err = value(raw, i, depth+1); err != nil {
			return i, err
		}
	}
	return closing(raw, i, shut)
}

func literal(raw []byte, i int, word string) (int, error) {
	if len(raw)-i < len(word) || string(raw[i:i+len(word)]) != word {
		return i, syntax(i, "not a value")
	}
	return i + len(word), nil
}

// number returns where the number that begins at i ends: an integer, then perhaps a
// fraction and an exponent.
func number(raw []byte, i int) (int, error) {
	if raw[i] == '-' {
		i++
	}
	ok := true
	if i < len(raw) && raw[i] == '0' {
		i++
	} else {
		i, ok = digits(raw, i)
	}
	if ok && i < len(raw) && raw[i] == '.' {
		i, ok = digits(raw, i+1)
	}
	if ok && i < len(raw) && (raw[i] == 'e' || raw[i] == 'E') {
		if i++; i < len(raw) && (raw[i] == '+' || raw[i] == '-') {
			i++
		}
		i, ok = digits(raw, i)
	}
	if !ok {
		return i, syntax(i, "bad number")
	}
	return i, nil
}

// digits returns where the digits that begin at i end; ok is false if there is none.
func digits(raw []byte, i int) (end int, ok bool) {
	end = i
	for end < len(raw) && '0' <= raw[end] && raw[end] <= '9' {
		end++
	}
	return end, end > i
}

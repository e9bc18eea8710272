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
	i, more := first(raw, i, '}')
	for more {
		key, at, err := member(raw, i)
		if err != nil {
			return i, err
		}
		valueEnd, err := value(raw, at, depth)
		if err != nil {
			return i, err
		}
		if err := f(key, raw[at:valueEnd]); err != nil {
			return i, err
		}
		if i, more, err = next(raw, valueEnd, '}'); err != nil {
			return i, err
		}
	}
	return i, nil
}

// array calls element with the position of each element of the array in raw; element
// returns where it ends.
func array(raw []byte, element func(i int) (int, error)) error {
	i := space(raw, 0)
	if i >= len(raw) || raw[i] != '[' {
		return syntax(i, "not an array")
	}
	i, more := first(raw, i, ']')
	for more {
		var err error
		if i, err = element(i); err != nil {
			return err
		}
		if i, more, err = next(raw, i, ']'); err != nil {
			return err
		}
	}
	return end(raw, i)
}

// first returns where the first element or member is of what begins at i and shut
// closes; more is false if there is none, and at is the end then.
func first(raw []byte, i int, shut byte) (at int, more bool) {
	i = space(raw, i+1)
	if i < len(raw) && raw[i] == shut {
		return i + 1, false
	}
	return i, true
}

// next returns where the element or member behind the value that ends at i begins, as
// first does.
func next(raw []byte, i int, shut byte) (at int, more bool, err error) {
	i = space(raw, i)
	switch {
	case i < len(raw) && raw[i] == ',':
		return space(raw, i+1), true, nil
	case i < len(raw) && raw[i] == shut:
		return i + 1, false, nil
	}
	return i, false, syntax(i, "no comma or "+string(shut))
}

// member returns the name of the member at i, unescaped, and where its value begins.
func member(raw []byte, i int) (name []byte, at int, err error) {
	nameEnd, escaped, err := str(raw, i)
	if err != nil {
		return nil, i, err
	}
	name = raw[i+1 : nameEnd-1]
	if escaped {
		if name, err = AppendUnquoted(nil, raw[i:nameEnd]); err != nil {
			return nil, i, err
		}
	}
	at, err = colon(raw, nameEnd)
	return name, at, err
}

// colon returns where the value begins of the member whose name ends at i.
func colon(raw []byte, i int) (int, error) {
	i = space(raw, i)
	if i >= len(raw) || raw[i] != ':' {
		return i, syntax(i, "no colon")
	}
	return space(raw, i+1), nil
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
	i, more := first(raw, i, shut)
	for more {
		var err error
		if open == '{' {
			if i, _, err = str(raw, i); err != nil {
				return i, err
			}
			if i, err = colon(raw, i); err != nil {
				return i, err
			}
		}
		if i, err = value(raw, i, depth+1); err != nil {
			return i, err
		}
		if i, more, err = next(raw, i, shut); err != nil {
			return i, err
		}
	}
	return i, nil
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

package prefs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// Pref is one preference.
type Pref struct {
	Name string `json:"name"`
	// Value is true, false, a whole number of 32 bits, a string, or null: reset.
	Value json.RawMessage `json:"value"`
}

// Text is the value as a person reads it; "" where it was reset.
func (p *Pref) Text() string {
	switch TypeOf(p.Value) {
	case Null:
		return ""
	case String:
		text, _ := rawjson.Unquoted(p.Value)
		return string(text)
	}
	return string(p.Value)
}

// Type is what a preference holds. A browser does not take a value of another type
// than the preference has there.
type Type string

// The types that browsers know.
const (
	Bool   Type = "bool"
	Int    Type = "int"
	String Type = "string"
	// Null is a preference that was reset.
	Null Type = "null"
	// Other is a type that browsers do not write.
	Other Type = ""
)

var null = json.RawMessage("null")

// TypeOf is the type of a value.
func TypeOf(value json.RawMessage) Type {
	switch text := string(value); {
	case text == "true" || text == "false":
		return Bool
	case text == "null":
		return Null
	case text != "" && text[0] == '"':
		return String
	}
	if _, err := strconv.ParseInt(string(value), 10, 32); err == nil && rawjson.Valid(value) {
		return Int
	}
	return Other
}

// Parse reads a value of type t from text that a person wrote. If t is Null or Other, the text
// decides: true and false are booleans, whole numbers of 32 bits are numbers, and anything else
// is a string. The error is for the user.
func Parse(text string, t Type) (json.RawMessage, error) {
	switch found := TypeOf(json.RawMessage(text)); t {
	case String:
		return rawjson.AppendQuoted(nil, text), nil
	case Bool:
		if found != Bool {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
	case Int:
		if found != Int {
			return nil, fmt.Errorf("%q is not a whole number of 32 bits", text)
		}
	default:
		if found != Bool && found != Int {
			return Parse(text, String)
		}
	}
	return json.RawMessage(text), nil
}

// maxString is how many bytes of text Firefox takes for a preference.
const maxString = 1 << 20

// check tells why Firefox would not take a preference.
func (p *Pref) check() error {
	switch {
	case p.Name == "":
		return errors.New("it has no name")
	case len(p.Value) == 0:
		return errors.New("it has no value")
	case !rawjson.Valid(p.Value) || TypeOf(p.Value) == Other:
		return errors.New("its value is neither true, false, a whole number of 32 bits, a string nor null")
	case len(p.Text()) > maxString:
		return fmt.Errorf("its value has %d bytes, and Firefox takes no more than %d", len(p.Text()), maxString)
	}
	return nil
}

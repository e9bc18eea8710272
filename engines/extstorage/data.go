package extstorage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// The quotas of storage.sync in Firefox, for one add-on.
const (
	// MaxBytes is how long the JSON text of all keys and values may be.
	MaxBytes = 102_400
	// MaxItemBytes is how long a key and the JSON text of its value may be together.
	MaxItemBytes = 8_192
	// MaxItems is how many keys there may be.
	MaxItems = 512
)

// Data maps an add-on's keys to JSON values. In a record it is the JSON text of an
// object, in a string.
type Data map[string]json.RawMessage

// text is the object's JSON text.
func (d Data) text() []byte {
	text := []byte{'{'}
	for _, key := range slices.Sorted(maps.Keys(d)) {
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(append(rawjson.AppendQuoted(text, key), ':'), d[key]...)
	}
	return append(text, '}')
}

// MarshalJSON writes the text as a string.
func (d Data) MarshalJSON() ([]byte, error) { return rawjson.AppendQuoted(nil, d.text()), nil }

// UnmarshalJSON reads the text out of a string.
func (d *Data) UnmarshalJSON(raw []byte) error {
	text, ok := rawjson.Unquoted(raw)
	*d = Data{}
	if !ok || rawjson.Object(text, func(key, value []byte) error {
		(*d)[string(key)] = bytes.Clone(value)
		return nil
	}) != nil {
		return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[Data]()}
	}
	return nil
}

// set sets keys, or tells which quota that would break.
func (d Data) set(values map[string]json.RawMessage) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		var value bytes.Buffer
		if !rawjson.Valid(values[key]) || json.Compact(&value, values[key]) != nil {
			return invalid("the value of %q is not JSON; a text has quotes: '\"text\"'", key)
		}
		if err := QuotaItemBytes.within(MaxItemBytes, itemBytes(key, value.Bytes()), key); err != nil {
			return err
		}
		d[key] = value.Bytes()
	}
	if err := QuotaItems.within(MaxItems, len(d), ""); err != nil {
		return err
	}
	return QuotaBytes.within(MaxBytes, len(d.text()), "")
}

func invalid(format string, args ...any) error {
	return &engine.InvalidError{Reason: fmt.Errorf(format, args...)}
}

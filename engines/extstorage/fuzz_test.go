package extstorage

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// FuzzData: what is read of a record's data is written so that it reads the same.
func FuzzData(f *testing.F) {
	for _, text := range []string{`"{}"`, `"{\"a\":1}"`, `" {\"a\" : [1.50, null], \"\\u00fc\":\"<\\ud83e\\udd8a>\"} "`, `"{\"a\":1,\"a\":2}"`, `{"a":1}`, `null`, `"[]"`, `"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d, again Data
		if !utf8.ValidString(text) || json.Unmarshal([]byte(text), &d) != nil || d == nil {
			return
		}
		written, err := json.Marshal(d)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", text, err)
		}
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%q was written as %q: %v", text, written, err)
		}
		if !reflect.DeepEqual(decoded(d), decoded(again)) {
			t.Fatalf("%q was written as %q", text, written)
		}
	})
}

func decoded(d Data) map[string]any {
	all := map[string]any{}
	for key, value := range d {
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			return nil // the number is too large for a float64: its text is kept
		}
		all[key] = v
	}
	return all
}

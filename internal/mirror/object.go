package mirror

import (
	"bytes"
	"encoding/json"
	"reflect"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// object is a JSON object taken apart, its values as they stand in the text.
type object []member

type member struct {
	name  string
	value []byte
}

func parse(raw []byte) (object, error) {
	if raw == nil {
		return nil, nil
	}
	o := make(object, 0, 16)
	err := rawjson.Object(raw, func(name, value []byte) error {
		o.set(string(name), value)
		return nil
	})
	return o, err
}

// get returns nil if there is no such field or it is null: the two mean the
// same on the wire.
func (o object) get(name string) []byte {
	for i := range o {
		if o[i].name == name {
			if string(o[i].value) == "null" {
				return nil
			}
			return o[i].value
		}
	}
	return nil
}

func (o object) find(name string) (int, bool) {
	for i := range o {
		if o[i].name == name {
			return i, true
		}
	}
	return 0, false
}

// set takes the place of an earlier value, as the last of two does in JSON.
func (o *object) set(name string, value []byte) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{name, value})
}

func (o object) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = rawjson.AppendQuoted(dst, o[i].name)
		dst = append(dst, ':')
		dst = append(dst, o[i].value...)
	}
	return append(dst, '}')
}

// withID returns the payload with id in it.
func withID(payload []byte, id engine.ID) ([]byte, error) {
	o, err := parse(payload)
	if err != nil {
		return nil, err
	}
	quoted := rawjson.AppendQuoted(nil, id)
	if equal(o.get("id"), quoted) {
		return payload, nil
	}
	o.set("id", quoted)
	return o.append(nil), nil
}

// same reports whether two records say the same.
func same(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := parse(a)
	y, errY := parse(b)
	if errX != nil || errY != nil || (a == nil) != (b == nil) {
		return false
	}
	for _, m := range x {
		if !equal(x.get(m.name), y.get(m.name)) {
			return false
		}
	}
	for _, m := range y {
		if !equal(x.get(m.name), y.get(m.name)) {
			return false
		}
	}
	return true
}

// equal compares two values by what they mean; nil is an absent one.
func equal(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if len(a) == 0 || len(b) == 0 || plain(a) && plain(b) {
		return false
	}
	return reflect.DeepEqual(decode(a), decode(b))
}

// plain tells whether a value can be written in one way only: it is a number, which is
// compared as it is written, a literal, or a string without an escape.
func plain(value []byte) bool {
	switch value[0] {
	case '{', '[':
		return false
	case '"':
		return bytes.IndexByte(value, '\\') < 0 && utf8.Valid(value)
	}
	return true
}

// decode keeps numbers as they are written: a float would make neighbouring
// large integers equal.
func decode(raw []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return raw
	}
	return v
}

package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// Bounds of a field of a request are in its tag: bound:"1..200" is the length of a text in
// characters, of a list in elements, of any JSON value in bytes, or the range of a number.
// each:"1..200" is that of each element of a list. enum:"a,b" lists the texts that a field
// may have. A field is optional if its JSON is omitted where it is zero.

// Bound is the range of a length or a number.
type Bound struct{ Least, Most int64 }

// ParseBound reads the tag of a bound.
func ParseBound(tag string) (b Bound, ok bool) {
	least, most, ok := strings.Cut(tag, "..")
	if !ok {
		return b, false
	}
	var err1, err2 error
	b.Least, err1 = strconv.ParseInt(least, 10, 64)
	b.Most, err2 = strconv.ParseInt(most, 10, 64)
	return b, err1 == nil && err2 == nil
}

func (b Bound) has(n int) bool { return int64(n) >= b.Least && int64(n) <= b.Most }

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// Field is a field of a request or an answer, as JSON has it.
type Field struct {
	reflect.StructField
	JSON     string
	Optional bool
}

// Fields lists the fields of a struct, those of embedded structs included.
func Fields(t reflect.Type) (all []Field) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, has := f.Tag.Lookup("json")
		if f.Anonymous && !has {
			all = append(all, Fields(f.Type)...)
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		all = append(all, Field{f, name, strings.Contains(options, "omit")})
	}
	return all
}

// checkRequest returns an *Error if a request is not of the type t.
func checkRequest(verb string, raw []byte, t reflect.Type) error {
	if !utf8.Valid(raw) {
		return invalidf("", "the request is not UTF-8")
	}
	if !rawjson.Valid(raw) {
		return invalidf("", "the request is not JSON, or it is nested too deep")
	}
	return checkObject(verb, "", raw, t)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func isObject(raw []byte) bool {
	trimmed := bytes.TrimLeft(raw, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{'
}

func checkObject(verb, path string, raw []byte, t reflect.Type) error {
	what := "the request"
	if path != "" {
		what = path
	}
	if !isObject(raw) {
		return invalidf(path, what+" must be an object")
	}
	fields := make(map[string]Field)
	for _, f := range Fields(t) {
		fields[f.JSON] = f
	}
	seen := make(map[string]bool)
	err := rawjson.Object(raw, func(key, value []byte) error {
		name := string(key)
		f, ok := fields[name]
		if !ok {
			return &Error{Code: CodeUnknownField, Field: join(path, name), Message: fmt.Sprintf("%s has no field %.100q%s", verb, join(path, name), listed(t))}
		}
		if seen[name] {
			return invalidf(join(path, name), join(path, name)+" is given twice")
		}
		seen[name] = true
		return checkValue(verb, join(path, name), value, f.Type, f.Tag)
	})
	if err != nil {
		return err
	}
	for name, f := range fields {
		if !seen[name] && !f.Optional {
			return invalidf(join(path, name), verb+" needs "+join(path, name))
		}
	}
	return nil
}

// listed says which fields there are.
func listed(t reflect.Type) string {
	var names []string
	for _, f := range Fields(t) {
		names = append(names, f.JSON)
	}
	if len(names) == 0 {
		return "; it has none"
	}
	return "; it has " + strings.Join(names, ", ")
}

func checkValue(verb, path string, raw []byte, t reflect.Type, tag reflect.StructTag) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	bound, bounded := ParseBound(tag.Get("bound"))
	switch t {
	case rawType:
		if bounded && !bound.has(len(raw)) {
			return invalidf(path, fmt.Sprintf("%s must have %d to %d bytes", path, bound.Least, bound.Most))
		}
		return nil
	case timeType:
		if json.Unmarshal(raw, new(time.Time)) != nil || string(raw) == "null" {
			return invalidf(path, path+` must be a time such as "2026-01-31T12:00:00Z"`)
		}
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		return checkText(path, raw, bound, bounded, tag.Get("enum"))
	case reflect.Int, reflect.Int64:
		var n int64
		if json.Unmarshal(raw, &n) != nil || string(raw) == "null" {
			return invalidf(path, path+" must be a whole number")
		}
		if bounded && (n < bound.Least || n > bound.Most) {
			return invalidf(path, fmt.Sprintf("%s must be from %d to %d", path, bound.Least, bound.Most))
		}
		return nil
	case reflect.Float64:
		var n float64
		if json.Unmarshal(raw, &n) != nil || string(raw) == "null" || math.IsInf(n, 0) {
			return invalidf(path, path+" must be a number")
		}
		return nil
	case reflect.Bool:
		if string(raw) != "true" && string(raw) != "false" {
			return invalidf(path, path+" must be true or false")
		}
		return nil
	case reflect.Slice:
		return checkList(verb, path, raw, t, bound, tag)
	case reflect.Struct:
		return checkObject(verb, path, raw, t)
	default:
		panic("api: a request has a field of the kind " + t.Kind().String())
	}
}

func checkText(path string, raw []byte, bound Bound, bounded bool, enum string) error {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return invalidf(path, path+" must be a text")
	}
	if n := utf8.RuneCountInString(s); bounded && !bound.has(n) {
		return invalidf(path, fmt.Sprintf("%s must have %d to %d characters, and has %d", path, bound.Least, bound.Most, n))
	}
	if enum != "" {
		for _, word := range strings.Split(enum, ",") {
			if s == word {
				return nil
			}
		}
		return invalidf(path, fmt.Sprintf("%s must be one of %s, not %.50q", path, strings.ReplaceAll(enum, ",", ", "), s))
	}
	return nil
}

func checkList(verb, path string, raw []byte, t reflect.Type, bound Bound, tag reflect.StructTag) error {
	if raw[0] != '[' {
		return invalidf(path, path+" must be a list")
	}
	n := 0
	each := reflect.StructTag(`bound:"` + tag.Get("each") + `" enum:"` + tag.Get("enum") + `"`)
	err := rawjson.Array(raw, func(value []byte) error {
		element := fmt.Sprintf("%s[%d]", path, n)
		if n++; int64(n) > bound.Most {
			return invalidf(path, fmt.Sprintf("%s must have at most %d elements", path, bound.Most))
		}
		return checkValue(verb, element, value, t.Elem(), each)
	})
	if err == nil && int64(n) < bound.Least {
		return invalidf(path, fmt.Sprintf("%s must have at least %d elements", path, bound.Least))
	}
	return err
}

package collection

import (
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/flat"
	"github.com/syncmanager/syncmanager/internal/catalogue"
)

// taken reports whether Firefox or the protocol itself has a collection of the name.
func taken(name string) bool {
	_, known := catalogue.Lookup(strings.ToLower(name))
	return known
}

// schema is what Open knows of the struct R.
type schema[R any] struct{ structure }

func schemaOf[R any]() (*schema[R], error) {
	t := reflect.TypeFor[R]()
	s := &schema[R]{}
	switch {
	case t.Kind() != reflect.Struct:
		return nil, fmt.Errorf("%v is not a struct", t)
	case converts(t):
		return nil, fmt.Errorf("%v has methods that make its JSON, its own or an embedded field's, so its fields are not known; give a plain struct", t)
	}
	var err error
	if s.fields, err = s.object(t, []reflect.Type{t}); err == nil && s.index == nil {
		err = errors.New("it has no field for its id; add one like ID collection.ID `json:\"id\"`")
	}
	if err != nil {
		return nil, fmt.Errorf("%v cannot be synced: %w", t, err)
	}
	return s, nil
}

// id finds the ID in a record.
func (s *schema[R]) id(r *R) *engine.ID {
	field := reflect.ValueOf(r).Elem().FieldByIndex(s.index)
	return field.Addr().Convert(reflect.TypeFor[*engine.ID]()).Interface().(*engine.ID)
}

// structure is what is known of a record's fields.
type structure struct {
	index  []int    // of the field that is the ID
	fields []string // all that may be written; see flat.Schema
	nested []flat.Nested
	sets   []string
}

// object returns the names of all fields that encoding/json may write of the struct
// t, with those of structs in them. above are the types that hold it, t the last.
func (s *structure) object(t reflect.Type, above []reflect.Type) (names []string, err error) {
	seen := make(map[string]string)
	err = members(t, nil, false, func(m member) error {
		if other, twice := seen[strings.ToLower(m.name)]; twice {
			return fmt.Errorf("its fields %s and %s have one name in JSON, %q", other, m.Name, m.name)
		}
		seen[strings.ToLower(m.name)] = m.Name
		if strings.ContainsAny(m.name, ".\"'\\`") || m.name == flat.Elements || m.name == flat.Values {
			return fmt.Errorf("its field %s cannot be called %q; take letters, digits and hyphens", m.Name, m.name)
		}
		within, err := s.value(m.Type, above)
		if err == nil {
			err = s.note(m, len(above) == 1)
		}
		if err != nil {
			return fmt.Errorf("its field %s %w", m.Name, err)
		}
		if len(within) == 0 {
			names = append(names, m.name)
		}
		for _, name := range within {
			names = append(names, m.name+"."+name)
		}
		return nil
	})
	return names, err
}

// note records what is special about a field; own means that it is a field of the record itself.
func (s *structure) note(m member, own bool) error {
	if err := s.noteTag(m, own); err != nil {
		return err
	}
	switch {
	case !own:
	case m.name == "deleted":
		return errors.New("is what marks a deleted record on the wire; give it another name in JSON")
	case m.name == "id" && (m.Type.Kind() != reflect.String || converts(m.Type) || m.pointed || m.quoted):
		return errors.New("is the record's id, and must be a plain string in the struct itself")
	case m.name == "id":
		s.index = m.at
	}
	return nil
}

// noteTag records how the field is merged, which its tag tells.
func (s *structure) noteTag(m member, own bool) error {
	tag, tagged := m.Tag.Lookup("sync")
	switch {
	case !tagged:
		return nil
	case tag != "fields" && tag != "set":
		return fmt.Errorf("has the tag sync:%q; there is none but sync:\"fields\" and sync:\"set\"", tag)
	case !own:
		return fmt.Errorf("is within another, which is merged as a whole; sync:%q is for the record's own", tag)
	case tag == "set" && !isList(m.Type):
		return errors.New("is not a list; sync:\"set\" is for a slice whose order means nothing")
	case tag == "set":
		s.sets = append(s.sets, m.name)
	case !hasFields(m.Type):
		return errors.New("has no fields that could be merged one by one; sync:\"fields\" is for a struct or a map")
	default:
		s.nested = append(s.nested, flat.Nested{Name: m.name})
	}
	return nil
}

// value tells whether JSON has a value for t, and returns the names of its fields.
func (s *structure) value(t reflect.Type, above []reflect.Type) (names []string, err error) {
	if converts(t) || slices.Contains(above, t) {
		return nil, nil
	}
	above = append(slices.Clip(above), t)
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return nil, fmt.Errorf("is or holds a %v, which JSON cannot", t)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return nil, fmt.Errorf("is or holds a %v, which cannot be read back", t)
		}
	case reflect.Pointer:
		return s.value(t.Elem(), above)
	case reflect.Slice, reflect.Array:
		names, err = s.within(flat.Elements, t.Elem(), above)
	case reflect.Map:
		if k := t.Key(); !converts(k) && k.Kind() != reflect.String && !k.ConvertibleTo(reflect.TypeFor[int]()) {
			return nil, fmt.Errorf("is or holds a map by %v, which JSON cannot", k)
		}
		names, err = s.within(flat.Values, t.Elem(), above)
	case reflect.Struct:
		return s.object(t, above)
	}
	return names, err
}

// within returns the names of the fields in what a list or map of t holds.
func (s *structure) within(prefix string, t reflect.Type, above []reflect.Type) (names []string, err error) {
	fields, err := s.value(t, above)
	for _, name := range fields {
		names = append(names, prefix+"."+name)
	}
	return names, err
}

// member is a field as encoding/json sees it.
type member struct {
	reflect.StructField
	name string // in JSON
	at   []int  // in the struct that members began with
	// pointed tells that it is in a struct that is embedded by a pointer, quoted, that
	// it is written as a string within the string.
	pointed, quoted bool
}

// members calls f with the fields of a struct and of those that it embeds.
func members(t reflect.Type, at []int, pointed bool, f func(member) error) error {
	for i := range t.NumField() {
		m := member{StructField: t.Field(i), at: append(slices.Clip(at), i), pointed: pointed}
		tag := m.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		m.name, m.quoted = cmp.Or(name, m.Name), slices.Contains(strings.Split(options, ","), "string")
		inner := m.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		var err error
		switch {
		case tag == "-":
		case m.Anonymous && name == "" && inner.Kind() == reflect.Struct:
			if len(m.at) > maxEmbedded {
				return fmt.Errorf("its field %s embeds itself", m.Name)
			}
			err = members(inner, m.at, pointed || m.Type != inner, f)
		case m.IsExported():
			err = f(m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxEmbedded bounds how deep structs embed one another.
const maxEmbedded = 16

// hasFields tells whether the JSON of t is an object.
func hasFields(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return !converts(t) && (t.Kind() == reflect.Struct || t.Kind() == reflect.Map)
}

// isList tells whether the JSON of t is an array.
func isList(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return !converts(t) && t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8
}

var conversions = []reflect.Type{
	reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
	reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
}

// converts tells whether t has methods that make its JSON.
func converts(t reflect.Type) bool {
	return slices.ContainsFunc(conversions, func(c reflect.Type) bool { return t.Implements(c) || reflect.PointerTo(t).Implements(c) })
}

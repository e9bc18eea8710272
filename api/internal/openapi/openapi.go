// Package openapi describes the verbs of package api as an OpenAPI document.
package openapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/api"
)

type object = map[string]any

// Document returns the document. root is the folder of the module, whose doc comments it takes.
func Document(root string) ([]byte, error) {
	docs, err := readDocs(root)
	if err != nil {
		return nil, err
	}
	b := &builder{docs: docs, schemas: object{}, types: map[string]reflect.Type{}}
	paths := object{}
	for _, v := range api.Verbs() {
		paths["/v1/"+v.Name] = object{"post": b.operation(v)}
	}
	paths["/v1/events"] = object{"get": b.events()}
	paths["/v1/openapi.json"] = object{"get": object{
		"operationId": "openapi.json", "summary": "Returns this document.",
		"responses": object{"200": object{"description": "The document.", "content": object{"application/json": object{"schema": object{"type": "object"}}}}},
	}}
	b.schemas["Failure"] = object{"type": "object", "required": []string{"error"}, "properties": object{"error": b.schema(reflect.TypeFor[api.Error](), "", false)}}
	b.schemas["End"] = object{"type": "object", "required": []string{"items"}, "properties": object{"items": object{"type": "integer", "description": "How many items came."}},
		"description": "The end of a stream."}
	if b.err != nil {
		return nil, b.err
	}
	document, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Sync Manager", "version": strconv.Itoa(api.Version), "description": docs["api"],
			"license": object{"name": "MPL-2.0", "identifier": "MPL-2.0"},
		},
		"servers":  []any{object{"url": "http://localhost/", "description": "The agent's socket"}},
		"security": []any{object{}, object{"token": []any{}}},
		"paths":    paths,
		"components": object{
			"schemas":         b.schemas,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
			"responses": object{"Error": object{
				"description": "The call failed.",
				"content":     object{"application/json": object{"schema": reference("Failure")}},
			}},
		},
	}, "", "\t")
	return append(document, '\n'), err
}

type builder struct {
	docs    map[string]string
	schemas object
	types   map[string]reflect.Type
	err     error
}

func reference(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func (b *builder) operation(v *api.Verb) object {
	answer := object{"application/json": object{"schema": b.schema(v.Answer, "", false)}}
	if v.Stream {
		item := b.schema(v.Answer, "", false)
		answer = object{"application/x-ndjson": object{"schema": object{
			"description": "One line of the stream.",
			"oneOf": []any{
				object{"type": "object", "required": []string{"item"}, "properties": object{"item": item}},
				object{"type": "object", "required": []string{"end"}, "properties": object{"end": reference("End")}},
				reference("Failure"),
			},
		}}}
	}
	part, _, _ := strings.Cut(v.Name, ".")
	o := object{
		"operationId": v.Name, "summary": v.Doc, "tags": []string{part},
		"requestBody": object{"required": true, "content": object{"application/json": object{"schema": b.schema(v.Request, "", true)}}},
		"responses": object{
			"200":     object{"description": "The answer.", "content": answer},
			"default": object{"$ref": "#/components/responses/Error"},
		},
		"x-needs":       needs(v),
		"x-max-request": v.MaxRequest,
	}
	if v.Stream {
		o["x-stream"] = true
	}
	return o
}

// needs says what rights a verb needs.
func needs(v *api.Verb) []string {
	list := []string{}
	for _, n := range []struct {
		name string
		is   bool
	}{{"write", v.Needs.Write}, {"secrets", v.Needs.Secrets}, {"account", v.Needs.Account}} {
		if n.is {
			list = append(list, n.name)
		}
	}
	for _, e := range v.Needs.Engines {
		list = append(list, "engine:"+e)
	}
	return list
}

func (b *builder) events() object {
	return object{
		"operationId": "events", "summary": "Returns events as they happen, as server-sent events whose data is an Event.",
		"parameters": []any{object{
			"name": "Last-Event-ID", "in": "header", "description": "The ID of the last event that was seen, to go on from there.", "schema": object{"type": "string", "maxLength": 64},
		}},
		"responses": object{
			"200":     object{"description": "Events.", "content": object{"text/event-stream": object{"schema": b.schema(reflect.TypeFor[api.Event](), "", false)}}},
			"default": object{"$ref": "#/components/responses/Error"},
		},
	}
}

var rawType = reflect.TypeFor[json.RawMessage]()

// schema describes a type. tag is that of the field that has it; closed says that other fields
// than those of a struct are refused.
func (b *builder) schema(t reflect.Type, tag reflect.StructTag, closed bool) object {
	bound, bounded := api.ParseBound(tag.Get("bound"))
	within := func(o object, least, most string) object {
		if bounded {
			o[least], o[most] = bound.Least, bound.Most
		}
		return o
	}
	switch {
	case t.Kind() == reflect.Pointer:
		return b.schema(t.Elem(), tag, closed)
	case t == rawType:
		return object{}
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	}
	switch t.Kind() {
	case reflect.String:
		o := within(object{"type": "string"}, "minLength", "maxLength")
		if words := tag.Get("enum"); words != "" {
			o["enum"] = strings.Split(words, ",")
		}
		return o
	case reflect.Int, reflect.Int64:
		return within(object{"type": "integer", "format": "int64"}, "minimum", "maximum")
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Slice:
		each := reflect.StructTag(`bound:"` + tag.Get("each") + `" enum:"` + tag.Get("enum") + `"`)
		return within(object{"type": "array", "items": b.schema(t.Elem(), each, closed)}, "minItems", "maxItems")
	case reflect.Struct:
		return b.named(t, closed)
	}
	b.err = fmt.Errorf("there is no schema for %s", t)
	return nil
}

// named adds a struct to the schemas, and returns a reference to it.
func (b *builder) named(t reflect.Type, closed bool) object {
	name := Name(t)
	if known, ok := b.types[name]; ok {
		if known != t {
			b.err = fmt.Errorf("%s and %s have one name", known, t)
		}
		if closed {
			b.schemas[name].(object)["additionalProperties"] = false
		}
		return reference(name)
	}
	b.types[name] = t
	properties, required := object{}, []string{}
	o := object{"type": "object", "properties": properties}
	b.schemas[name] = o
	for _, f := range api.Fields(t) {
		s := b.schema(f.Type, f.Tag, closed)
		if doc := b.fieldDoc(t, f.Name); doc != "" {
			s["description"] = doc
		}
		properties[f.JSON] = s
		if !f.Optional {
			required = append(required, f.JSON)
		}
	}
	if len(required) > 0 {
		o["required"] = required
	}
	if closed {
		o["additionalProperties"] = false
	}
	if doc := b.docs[docKey(t)]; doc != "" {
		o["description"] = doc
	}
	return reference(name)
}

// fieldDoc is the comment of a field, which may be one of an embedded struct.
func (b *builder) fieldDoc(t reflect.Type, field string) string {
	if doc, ok := b.docs[docKey(t)+"."+field]; ok {
		return doc
	}
	for f := range t.Fields() {
		if f.Anonymous {
			if doc := b.fieldDoc(f.Type, field); doc != "" {
				return doc
			}
		}
	}
	return ""
}

// Name is the name of a struct in the document: that of the type, after its package if it is
// not one of package api.
func Name(t reflect.Type) string {
	name, arguments, _ := strings.Cut(t.Name(), "[")
	if i := strings.LastIndex(arguments, "."); i >= 0 {
		name += strings.TrimSuffix(arguments[i+1:], "]")
	}
	if pkg := packageOf(t); pkg != "api" {
		name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

func packageOf(t reflect.Type) string { return t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:] }

func docKey(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return packageOf(t) + "." + name
}

// Package clients writes the verbs for clients in other languages.
package clients

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/api"
)

// Files returns the generated files, by their names in the folder bindings.
func Files() (map[string][]byte, error) {
	d, err := readDocument()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"python/syncmanager/verbs.py": d.python(),
		"node/verbs.js":               d.node(),
		"node/verbs.d.ts":             d.nodeTypes(),

		"java/src/org/syncmanager/Api.java": d.java(),
	}, nil
}

// document is what the clients need of the description of the API.
type document struct {
	Paths      map[string]struct{ Post *operation }
	Components struct{ Schemas map[string]*schema }

	groups []group
}

// parts returns the groups that a group has as fields: the one without a name has all others.
func (d *document) parts(g group) []group {
	if g.name != "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(d.groups), func(part group) bool { return part.name == "" })
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string
	Stream      bool `json:"x-stream"`
	RequestBody struct {
		Content map[string]struct{ Schema schema }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref         string `json:"$ref"`
	Type        string
	Format      string
	Description string
	Enum        []string
	Properties  map[string]*schema
	Required    []string
	Items       *schema
	OneOf       []*schema
}

// group is the verbs of an engine or a part.
type group struct {
	// name is "" for verbs without a part, such as "status".
	name  string
	verbs []verb
}

type verb struct {
	name            string // without the group
	full            string
	doc             string
	request, answer string // names of schemas
	stream          bool
	// needs says that the request has a required field, and takes that it has any.
	needs, takes bool
}

func readDocument() (*document, error) {
	var d document
	if err := json.Unmarshal(api.OpenAPI(), &d); err != nil {
		return nil, err
	}
	groups := make(map[string][]verb)
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		if o := d.Paths[path].Post; o != nil {
			part, name, ok := strings.Cut(o.OperationID, ".")
			if !ok {
				part, name = "", part
			}
			groups[part] = append(groups[part], d.verb(name, o))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		d.groups = append(d.groups, group{name, groups[name]})
	}
	return &d, nil
}

func (d *document) verb(name string, o *operation) verb {
	v := verb{name: name, full: o.OperationID, doc: o.Summary, stream: o.Stream}
	v.request = o.RequestBody.Content["application/json"].Schema.name()
	answer := o.Responses["200"].Content["application/json"].Schema
	if o.Stream {
		answer = *o.Responses["200"].Content["application/x-ndjson"].Schema.OneOf[0].Properties["item"]
	}
	v.answer = answer.name()
	request := d.Components.Schemas[v.request]
	v.needs, v.takes = len(request.Required) > 0, len(request.Properties) > 0
	return v
}

func (s schema) name() string { return strings.TrimPrefix(s.Ref, "#/components/schemas/") }

// schemas lists the schemas with their names, sorted.
func (d *document) schemas() []string { return slices.Sorted(maps.Keys(d.Components.Schemas)) }

// fields lists the fields of a schema: those that are required first.
func (s *schema) fields() []string {
	return slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int {
		return cmp.Or(-boolCompare(s.needs(a), s.needs(b)), strings.Compare(a, b))
	})
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (s *schema) needs(field string) bool { return slices.Contains(s.Required, field) }

// snake is a name in the way of Python: "send_tab" of "sendTab".
func snake(name string) string {
	var out strings.Builder
	for i, c := range name {
		switch {
		case c == '-':
			out.WriteByte('_')
		case 'A' <= c && c <= 'Z':
			if i > 0 && (name[i-1] < 'A' || name[i-1] > 'Z') {
				out.WriteByte('_')
			}
			out.WriteRune(c - 'A' + 'a')
		default:
			out.WriteRune(c)
		}
	}
	return out.String()
}

// camel is a name in the way of JavaScript: "extensionStorage" of "extension-storage".
func camel(name string) string {
	parts := strings.Split(name, "-")
	for i := range parts[1:] {
		parts[i+1] = title(parts[i+1])
	}
	return strings.Join(parts, "")
}

func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

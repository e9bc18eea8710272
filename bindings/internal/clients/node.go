package clients

import (
	"bytes"
	"fmt"
	"strings"
)

func (d *document) node() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// %s\n\n", generated)
	for _, g := range d.groups {
		fmt.Fprintf(&b, "export class %s {\n  #door;\n\n  constructor(door) {\n    this.#door = door;\n", nodeGroup(g.name))
		for _, part := range d.parts(g) {
			fmt.Fprintf(&b, "    this.%s = new %s(door);\n", camel(part.name), nodeGroup(part.name))
		}
		b.WriteString("  }\n")
		for _, v := range g.verbs {
			call := "call"
			if v.stream {
				call = "stream"
			}
			fmt.Fprintf(&b, "\n  /** %s */\n  %s(request = {}) {\n    return this.#door.%s(%q, request);\n  }\n", v.doc, v.name, call, v.full)
		}
		b.WriteString("}\n\n")
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

func nodeGroup(name string) string {
	if name == "" {
		return "Verbs"
	}
	return title(camel(name)) + "Verbs"
}

func (d *document) nodeTypes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// %s\n\n", generated)
	for _, name := range d.schemas() {
		nodeInterface(&b, name, d.Components.Schemas[name])
	}
	b.WriteString(`/** Door carries requests: see HTTPDoor. */
export interface Door {
  call(verb: string, request: object): Promise<unknown>;
  stream(verb: string, request: object): AsyncIterable<unknown>;
}

`)
	for _, g := range d.groups {
		fmt.Fprintf(&b, "export class %s {\n  constructor(door: Door);\n", nodeGroup(g.name))
		for _, part := range d.parts(g) {
			fmt.Fprintf(&b, "  readonly %s: %s;\n", camel(part.name), nodeGroup(part.name))
		}
		for _, v := range g.verbs {
			kind := "Promise<" + v.answer + ">"
			if v.stream {
				kind = "AsyncIterable<" + v.answer + ">"
			}
			optional := "?"
			if v.needs {
				optional = ""
			}
			fmt.Fprintf(&b, "  /** %s */\n  %s(request%s: %s): %s;\n", comment(v.doc), v.name, optional, v.request, kind)
		}
		b.WriteString("}\n\n")
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

func nodeInterface(b *bytes.Buffer, name string, s *schema) {
	if doc := comment(s.Description); doc != "" {
		fmt.Fprintf(b, "/** %s */\n", doc)
	}
	fmt.Fprintf(b, "export interface %s {\n", name)
	for _, field := range s.fields() {
		if doc := comment(s.Properties[field].Description); doc != "" {
			fmt.Fprintf(b, "  /** %s */\n", doc)
		}
		optional := "?"
		if s.needs(field) {
			optional = ""
		}
		fmt.Fprintf(b, "  %s%s: %s;\n", field, optional, nodeType(s.Properties[field]))
	}
	b.WriteString("}\n\n")
}

// comment is a text as a comment has it.
func comment(doc string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(doc), " "), "*/", "* /")
}

func nodeType(s *schema) string {
	switch {
	case s.Ref != "":
		return s.name()
	case len(s.Enum) > 0:
		return `"` + strings.Join(s.Enum, `" | "`) + `"`
	case s.Type == "string":
		return "string"
	case s.Type == "integer", s.Type == "number":
		return "number"
	case s.Type == "boolean":
		return "boolean"
	case s.Type == "array":
		inner := nodeType(s.Items)
		if strings.Contains(inner, "|") {
			inner = "(" + inner + ")"
		}
		return inner + "[]"
	}
	return "unknown"
}

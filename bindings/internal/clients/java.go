package clients

import (
	"bytes"
	"fmt"
)

// java writes one class that has the types and the verbs as classes of its own.
func (d *document) java() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// %s\npackage org.syncmanager;\n\nimport java.util.List;\nimport java.util.Map;\n\n", generated)
	b.WriteString("/** Api has the verbs, and the types of requests and answers. */\npublic final class Api {\n    private Api() {}\n")
	for _, name := range d.schemas() {
		d.javaType(&b, name)
	}
	for _, g := range d.groups {
		d.javaGroup(&b, g)
	}
	b.WriteString("}\n")
	return b.Bytes()
}

func (d *document) javaGroup(b *bytes.Buffer, g group) {
	class := nodeGroup(g.name)
	final := "final "
	if g.name == "" {
		final = ""
	}
	fmt.Fprintf(b, "\n    public static %sclass %s {\n        private final Door door;\n", final, class)
	for _, part := range d.parts(g) {
		fmt.Fprintf(b, "        public final %s %s;\n", nodeGroup(part.name), camel(part.name))
	}
	fmt.Fprintf(b, "\n        public %s(Door door) {\n            this.door = door;\n", class)
	for _, part := range d.parts(g) {
		fmt.Fprintf(b, "            %s = new %s(door);\n", camel(part.name), nodeGroup(part.name))
	}
	b.WriteString("        }\n")
	for _, v := range g.verbs {
		v.java(b)
	}
	b.WriteString("    }\n")
}

// javaKeywords are verbs that are words of the language.
var javaKeywords = map[string]string{"import": "importItems"}

func (v verb) java(b *bytes.Buffer) {
	name := v.name
	if other, ok := javaKeywords[name]; ok {
		name = other
	}
	parameter, argument := "", "Map.of()"
	if v.takes {
		parameter, argument = v.request+" request", "request.fields()"
	}
	kind, call := v.answer, fmt.Sprintf("new %s(door.call(%q, %s))", v.answer, v.full, argument)
	if v.stream {
		kind, call = "Items<"+v.answer+">", fmt.Sprintf("door.stream(%q, %s, %s::new)", v.full, argument, v.answer)
	}
	fmt.Fprintf(b, "\n        /** %s */\n        public %s %s(%s) {\n            return %s;\n        }\n", comment(v.doc), kind, name, parameter, call)
	if v.takes && !v.needs {
		fmt.Fprintf(b, "\n        /** %s */\n        public %s %s() {\n            return %s(new %s());\n        }\n", comment(v.doc), kind, name, name, v.request)
	}
}

func (d *document) javaType(b *bytes.Buffer, name string) {
	s := d.Components.Schemas[name]
	fmt.Fprintf(b, "\n    /** %s */\n    public static final class %s extends Value {\n", comment(s.Description), name)
	fmt.Fprintf(b, "        public %s() {}\n\n        public %s(Map<String, Object> fields) {\n            super(fields);\n        }\n", name, name)
	for _, field := range s.fields() {
		f := s.Properties[field]
		kind, get := javaGetter(f, field)
		doc := comment(f.Description)
		if doc == "" {
			doc = "The field " + field + "."
		}
		method := field
		if javaWords[field] {
			method += "_"
		}
		fmt.Fprintf(b, "\n        /** %s */\n        public %s %s() {\n            return %s;\n        }\n", doc, kind, method, get)
		fmt.Fprintf(b, "\n        public %s %s(%s value) {\n            set(%q, value);\n            return this;\n        }\n", name, method, kind, field)
	}
	b.WriteString("    }\n")
}

// javaWords are fields that are words of the language.
var javaWords = map[string]bool{"private": true, "default": true, "new": true, "package": true}

// javaGetter is the type of a field, and what returns it.
func javaGetter(s *schema, field string) (kind, get string) {
	switch {
	case s.Ref != "":
		return s.name(), fmt.Sprintf("asObject(%q, %s::new)", field, s.name())
	case s.Type == "array" && s.Items.Ref != "":
		return "List<" + s.Items.name() + ">", fmt.Sprintf("asObjects(%q, %s::new)", field, s.Items.name())
	case s.Type == "array":
		return "List<String>", fmt.Sprintf("asTexts(%q)", field)
	case s.Type == "string":
		return "String", fmt.Sprintf("(String) get(%q)", field)
	case s.Type == "integer":
		return "Long", fmt.Sprintf("(Long) get(%q)", field)
	case s.Type == "number":
		return "Double", fmt.Sprintf("asNumber(%q)", field)
	case s.Type == "boolean":
		return "Boolean", fmt.Sprintf("(Boolean) get(%q)", field)
	}
	return "Object", fmt.Sprintf("get(%q)", field)
}

package archtest

import (
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// quoted is what docs/mozilla-components.md puts between backticks.
var quoted = regexp.MustCompile("`([^`]+)`")

// TestNamesOfMozillasPageExist finds names of this module in docs/mozilla-components.md that the
// public API does not have: those with their package everywhere on the page, and in the column
// "here" also the methods and fields of the types named beside them.
func TestNamesOfMozillasPageExist(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "mozilla-components.md"))
	if err != nil {
		t.Fatal(err)
	}
	api := publicAPI{}
	for _, p := range publicPackages(t) {
		api[p.Name()] = append(api[p.Name()], p)
	}
	found := 0
	for line := range strings.Lines(string(page)) {
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			if name := api.cut(m[1]); name != "" {
				found++
				if api.find(name) == nil {
					t.Errorf("there is no %s, which this line names: %s", name, line)
				}
			}
		}
		for _, name := range api.strangers(hereOf(line)) {
			t.Errorf("%s is neither in the public API nor a method or field of a type named beside it: %s", name, line)
		}
	}
	if found < 200 {
		t.Errorf("found %d names only", found)
	}
}

// hereOf is the column "here" of a row of a table, or "".
func hereOf(line string) string {
	cells := strings.Split(line, "|")
	if len(cells) != 5 {
		return ""
	}
	return cells[2]
}

// publicAPI has the public packages by their names.
type publicAPI map[string][]*types.Package

// cut returns a name with its package, "passwords.Engine.Add", without what is called with it.
// It returns "" for what is not a name of a public package.
func (api publicAPI) cut(text string) string {
	name, _, _ := strings.Cut(text, "(")
	of, rest, _ := strings.Cut(name, ".")
	if api[of] == nil || !token.IsExported(rest) {
		return ""
	}
	return name
}

// find returns what a name with its package stands for, or nil.
func (api publicAPI) find(name string) types.Object {
	parts := strings.Split(name, ".")
	for _, p := range api[parts[0]] {
		object := p.Scope().Lookup(parts[1])
		for _, part := range parts[2:] {
			object = member(object, part)
		}
		if object != nil {
			return object
		}
	}
	return nil
}

// member returns a type's field or method with that name, or nil.
func member(of types.Object, name string) types.Object {
	declared, ok := of.(*types.TypeName)
	if !ok {
		return nil
	}
	t := declared.Type()
	if !types.IsInterface(t) {
		t = types.NewPointer(t)
	}
	object, _, _ := types.LookupFieldOrMethod(t, true, declared.Pkg(), name)
	return object
}

// strangers are the names in a cell of another package, and those without one that neither a type
// named in the cell has, nor the form of all stores.
func (api publicAPI) strangers(cell string) (names []string) {
	var beside []types.Object
	quotes := quoted.FindAllStringSubmatch(cell, -1)
	for _, m := range quotes {
		// Of a method, the type is beside it.
		for name := api.cut(m[1]); strings.Contains(name, "."); name = name[:strings.LastIndex(name, ".")] {
			if object := api.find(name); object != nil {
				beside = append(beside, object)
			}
		}
	}
	for _, m := range quotes {
		name, _, _ := strings.Cut(m[1], "(")
		if of, _, qualified := strings.Cut(name, "."); qualified {
			if api[of] == nil && of != "iter" && of != "time" { // those of Go
				names = append(names, name)
			}
			continue
		}
		if !token.IsExported(name) || form[name] != "" {
			continue
		}
		if !slices.ContainsFunc(beside, func(o types.Object) bool { return member(o, name) != nil }) {
			names = append(names, name)
		}
	}
	return names
}

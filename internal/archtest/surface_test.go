package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPublicSurfaceIsClosed reads the compiled API of every public package and fails
// when an exported name mentions a type of an internal package: an app could neither
// name that type nor look it up.
func TestPublicSurfaceIsClosed(t *testing.T) {
	t.Parallel()
	for _, p := range publicPackages(t) {
		for _, leak := range leaksOf(p) {
			t.Error(leak)
		}
	}
}

// public reports whether an app may import the package and is meant to.
func public(path string) bool {
	folder, ours := packageOf(path)
	if !ours || isInternal(path) {
		return false
	}
	return !anyWithin(folder, []string{"cmd/...", "interop/...", "bench/...", "examples/..."})
}

func isInternal(path string) bool {
	return slices.Contains(strings.Split(path, "/"), "internal")
}

// publicPackages are the public packages of the module, read from what the compiler
// exported: the go command has that in its cache when it vetted them or built their tests.
func publicPackages(t *testing.T) []*types.Package {
	paths := slices.DeleteFunc(strings.Fields(string(goList(t, "./..."))), func(path string) bool { return !public(path) })
	out := goList(t, append([]string{"-export", "-deps", "-json=ImportPath,Export"}, paths...)...)
	exports := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	var packages []*types.Package
	for _, path := range paths {
		p, err := imp.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 20 {
		t.Fatalf("found only %d public packages", len(packages))
	}
	return packages
}

func goList(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Stderr = filepath.Join("..", ".."), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// leaksOf lists what the exported names of a package mention and must not.
func leaksOf(p *types.Package) (found []string) {
	for _, name := range p.Scope().Names() {
		object := p.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		s := surface{name: p.Name() + "." + name, seen: make(map[types.Type]bool)}
		s.object(object)
		found = append(found, s.found...)
	}
	return found
}

// surface is a walk over all that a user of one exported name can see and reach.
type surface struct {
	name  string // of what is looked at
	seen  map[types.Type]bool
	found []string
}

func (s *surface) at(name string, look func()) {
	was := s.name
	s.name = was + "." + name
	look()
	s.name = was
}

// object looks at a declared name: a function, variable, constant or type.
func (s *surface) object(o types.Object) {
	declared, ok := o.(*types.TypeName)
	if !ok {
		s.mention(o.Type())
		return
	}
	switch t := o.Type().(type) {
	case *types.Alias:
		if !declared.IsAlias() {
			return
		}
		s.params(t.TypeParams())
		s.mention(t.Rhs())
		s.declaration(t.Rhs())
	case *types.Named:
		s.params(t.TypeParams())
		s.declaration(t)
	default:
		s.mention(t)
	}
}

// declaration looks at a type's fields and methods, those that it has by embedding included.
func (s *surface) declaration(t types.Type) {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return
	}
	if s.seen[named.Origin()] {
		return
	}
	s.seen[named.Origin()] = true
	named = named.Origin()
	s.mention(named.Underlying())
	var receiver types.Type = named
	if !types.IsInterface(named) {
		receiver = types.NewPointer(named)
	}
	methods := types.NewMethodSet(receiver)
	for i := range methods.Len() {
		method := methods.At(i).Obj()
		if method.Exported() {
			s.at(method.Name(), func() { s.mention(method.Type()) })
		}
	}
}

func (s *surface) params(list *types.TypeParamList) {
	for i := range list.Len() {
		s.mention(list.At(i).Constraint())
	}
}

// mention looks at a type where it is written.
func (s *surface) mention(t types.Type) {
	switch t := t.(type) {
	case *types.Alias:
		s.written(t.Obj(), t.TypeArgs())
	case *types.Named:
		s.written(t.Obj(), t.TypeArgs())
	case *types.Pointer:
		s.mention(t.Elem())
	case *types.Slice:
		s.mention(t.Elem())
	case *types.Array:
		s.mention(t.Elem())
	case *types.Chan:
		s.mention(t.Elem())
	case *types.Map:
		s.mention(t.Key())
		s.mention(t.Elem())
	case *types.Tuple:
		for v := range t.Variables() {
			s.mention(v.Type())
		}
	case *types.Signature:
		s.params(t.TypeParams())
		s.mention(t.Params())
		s.mention(t.Results())
	case *types.Struct:
		for field := range t.Fields() {
			switch {
			case field.Exported():
				s.at(field.Name(), func() { s.mention(field.Type()) })
			case field.Embedded():
				s.embedded(field.Type())
			}
		}
	case *types.Interface:
		for method := range t.ExplicitMethods() {
			if method.Exported() {
				s.at(method.Name(), func() { s.mention(method.Type()) })
			}
		}
		for embedded := range t.EmbeddedTypes() {
			s.mention(embedded)
		}
	case *types.Union:
		for term := range t.Terms() {
			s.mention(term.Type())
		}
	}
}

// embedded looks at the exported fields that an embedded type without an exported name
// hands on. Its methods are in the method set of what embeds it.
func (s *surface) embedded(t types.Type) {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	if within, ok := t.Underlying().(*types.Struct); ok && !s.seen[t] {
		s.seen[t] = true
		s.mention(within)
	}
}

// written looks at a type's name where it is written.
func (s *surface) written(name *types.TypeName, args *types.TypeList) {
	if name.Pkg() != nil && strings.HasPrefix(name.Pkg().Path(), module) && isInternal(name.Pkg().Path()) {
		s.found = append(s.found, fmt.Sprintf("%s mentions %s.%s, which is internal", s.name, name.Pkg().Path(), name.Name()))
	}
	for arg := range args.Types() {
		s.mention(arg)
	}
}

// TestSurfaceFindsLeaks shows the walk each way in which an internal type can come to light.
func TestSurfaceFindsLeaks(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	load := func(path, source string, imports types.Importer) *types.Package {
		t.Helper()
		file, err := parser.ParseFile(fset, path+".go", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		p, err := (&types.Config{Importer: imports}).Check(path, fset, []*ast.File{file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	hidden := load(module+"/internal/hidden", `package hidden
		type T struct{ Open int }
		func (T) Own() {}
		func (T) More() T { return T{} }
		type Twice struct{ T T }
		type List[R any] struct{}
		type Any interface{ Do(T) }
		type Plain interface{ Do() }`, nil)
	imports := only{hidden.Path(): hidden}
	for source, want := range map[string]string{
		`func F(h.T) {}`: "p.F",
		`func F() (int, error, []map[string]*h.T)`:   "p.F",
		`func F[R h.Plain](R) {}`:                    "p.F",
		`var V h.List[int]`:                          "p.V",
		`type A = h.T`:                               "p.A p.A.More",
		`type A = []h.T`:                             "p.A",
		`type S struct{ F func(h.T) }`:               "p.S.F",
		`type S struct{ h.Plain }`:                   "p.S.Plain",
		`type t = h.T; type S struct{ t }`:           "p.S.More",
		`type t = h.Twice; type S struct{ t }`:       "p.S.T",
		`type S struct{ in struct{ f h.T }; g h.T }`: "",
		`type S struct{}; func (*S) M(h.T) {}`:       "p.S.M",
		`type S struct{}; func (*S) m(h.T) {}`:       "",
		`type s struct{ F h.T }`:                     "",
		`type G[R interface{ ~int; h.Plain }] int`:   "p.G",
		`type I interface{ M(h.T) }`:                 "p.I.M",
		`type I interface{ h.Any }`:                  "p.I p.I.Do",
		`type t struct{ h.Any }; type S struct{ t }`: "p.S.Any p.S.Do",
	} {
		p := load(module+"/p", "package p; import h \""+hidden.Path()+"\"; "+source+"; var _ h.T", imports)
		var got []string
		for _, leak := range leaksOf(p) {
			name, _, _ := strings.Cut(leak, " ")
			got = append(got, name)
		}
		slices.Sort(got)
		if found := strings.Join(slices.Compact(got), " "); found != want {
			t.Errorf("%s: found %q, want %q", source, found, want)
		}
	}
}

// only imports what is in it.
type only map[string]*types.Package

func (o only) Import(path string) (*types.Package, error) { return o[path], nil }

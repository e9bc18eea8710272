package tree_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

var update = flag.Bool("update", false, "write what the stories in testdata come to")

// A story is a file in testdata: what was synced last (optional), what each side
// has, and the outcome. testdata/README explains the notation.
func TestStories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range a.Files {
				parts[f.Name] = string(f.Data)
			}
			o := tree.Options{NewGUID: counter()}
			switch {
			case strings.Contains(string(a.Comment), "--prefer local"):
				o.Prefer = tree.Local
			case strings.Contains(string(a.Comment), "--prefer remote"):
				o.Prefer = tree.Remote
			}
			if text, ok := parts["base"]; ok {
				o.Base = parse(t, text).build(true, nil)
			}
			w := &env{local: parse(t, parts["local"]), remote: parse(t, parts["remote"])}
			lt, rt := w.local.build(false, nil), w.remote.build(true, nil)
			m := tree.Merge(lt, rt, o)
			got := render(m)
			if *update {
				a.Files[len(a.Files)-1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != parts["merged"] {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", a.Comment, got, parts["merged"])
			}
			checkShape(t, lt, rt, m)
			checkConverged(t, w, lt, rt, m)
		})
	}
}

var wire = map[string]tree.GUID{
	"places": tree.Root, "menu": tree.Menu, "toolbar": tree.Toolbar,
	"unfiled": tree.Unfiled, "mobile": tree.Mobile, "tags": tree.Tags,
}

// guid is a name, drawn out to the length of a GUID; one with a "#" stays, and is
// invalid.
func guid(name string) tree.GUID {
	if g, ok := wire[name]; ok {
		return g
	}
	if strings.Contains(name, "#") {
		return tree.GUID(name)
	}
	return tree.GUID(name + strings.Repeat("_", 12-len(name)))
}

func nameOf(g tree.GUID) string {
	for name, root := range wire {
		if g == root {
			return name
		}
	}
	return strings.TrimRight(string(g), "_")
}

// parse reads one side of a story.
func parse(t *testing.T, text string) *store {
	s := newStore()
	for _, g := range rootGUIDs {
		s.items[g] = &bookmark{Item: tree.Item{GUID: g, Kind: tree.Folder, Parent: tree.Root}, children: []tree.GUID{}}
	}
	path := []tree.GUID{tree.Root}
	lists := map[tree.GUID]string{}
	below := map[tree.GUID]int{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		if len(words) == 0 {
			continue
		}
		if words[0] == "deleted:" {
			for _, name := range words[1:] {
				s.deleted[guid(name)] = true
				delete(s.items, guid(name)) // a root
			}
			continue
		}
		b := parseItem(t, words, lists)
		if depth+1 > len(path) {
			t.Fatalf("%q is too deep", line)
		}
		path = append(path[:depth+1], b.GUID)
		parent := path[depth]
		switch b.Parent {
		case "":
			b.Parent = parent
		case guid("none"):
			b.Parent = ""
		}
		if f := s.items[parent]; f != nil {
			b.Position = int32(below[parent])
			below[parent]++
			if f.children != nil {
				f.children = append(f.children, b.GUID)
			}
		}
		s.items[b.GUID] = b
	}
	for g, list := range lists {
		s.items[g].children = []tree.GUID{}
		for _, name := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
			s.items[g].children = append(s.items[g].children, guid(name))
		}
	}
	return s
}

func parseItem(t *testing.T, words []string, lists map[tree.GUID]string) *bookmark {
	b := &bookmark{Item: tree.Item{Kind: tree.Bookmark}}
	name := words[0]
	switch last := name[len(name)-1]; {
	case last == '/' || wire[name] != "":
		b.Kind, b.children = tree.Folder, []tree.GUID{}
	case last == '?':
		b.Kind = tree.Query
	case last == '~':
		b.Kind = tree.Livemark
	case last == '-':
		b.Kind = tree.Separator
	}
	b.GUID = guid(strings.TrimRight(name, "/?~-"))
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "changed":
			b.Changed = tree.Changed
		case "renamed":
			b.Changed |= tree.ChangedValue
		case "moved", "sorted":
			b.Changed |= tree.ChangedStructure
		case "at":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			b.Modified = n
		case "content":
			b.Content = tree.ContentOf(b.Kind, value, "")
		case "reupload":
			b.Validity = tree.Reupload
		case "unusable":
			b.Validity = tree.Replace
		case "parent":
			b.Parent = guid(value)
		case "listless":
			b.children = nil
		case "lists":
			lists[b.GUID] = value
		default:
			t.Fatalf("%q is no word of the notation", word)
		}
	}
	b.title = fmt.Sprint(b.Kind, " ", b.GUID)
	if b.Changed&tree.ChangedValue != 0 {
		b.title += fmt.Sprint(" of ", b.Modified)
	}
	return b
}

// render writes the outcome down. Roots with nothing in them or to do are left
// out, and so is what is zero.
func render(m *tree.Merged) string {
	var s strings.Builder
	var walk func(i int32, depth int)
	walk = func(i int32, depth int) {
		n := &m.Nodes[i]
		if n.Parent != 0 || n.Count > 0 || n.Apply != 0 || n.Upload {
			s.WriteString(strings.Repeat("  ", depth) + nameOf(n.GUID))
			s.WriteString(map[tree.Kind]string{tree.Folder: "/", tree.Query: "?", tree.Separator: "-"}[n.Kind])
			s.WriteString(describe(n) + "\n")
		}
		for c := range n.Count {
			walk(n.First+c, depth+1)
		}
	}
	for i := range int32(len(rootGUIDs)) {
		walk(i+1, 0)
	}
	for _, list := range []struct {
		name  string
		guids []tree.GUID
	}{{"delete local", m.DeleteLocal}, {"delete remote", m.DeleteRemote}, {"forget", m.Forget}} {
		if len(list.guids) > 0 {
			s.WriteString(list.name + ":")
			for _, g := range list.guids {
				s.WriteString(" " + nameOf(g))
			}
			s.WriteString("\n")
		}
	}
	for _, p := range m.LocalProblems.First {
		fmt.Fprintf(&s, "local problem: %s\n", p)
	}
	for _, p := range m.RemoteProblems.First {
		fmt.Fprintf(&s, "remote problem: %s\n", p)
	}
	if m.Stats != (tree.Stats{}) {
		s.WriteString("stats:")
		for _, count := range strings.Fields(strings.Trim(fmt.Sprintf("%+v", m.Stats), "{}")) {
			if !strings.HasSuffix(count, ":0") {
				s.WriteString(" " + count)
			}
		}
		s.WriteString("\n")
	}
	return s.String()
}

func describe(n *tree.Node) string {
	words := []string{""}
	add := func(yes bool, word string) {
		if yes {
			words = append(words, word)
		}
	}
	add(n.Value == tree.FromLocal && n.Remote >= 0, "local-value")
	add(n.Value == tree.FromRemote && n.Local >= 0, "remote-value")
	add(n.Conflict, "conflict")
	add(n.Apply&tree.ApplyInsert != 0, "insert")
	add(n.Apply&tree.ApplyGUID != 0, "set-guid")
	add(n.Apply&tree.ApplyValue != 0, "set-value")
	add(n.Apply&tree.ApplyParent != 0, "set-parent")
	add(n.Apply&tree.ApplyPosition != 0, "set-position")
	add(n.NewStructure, "new-structure")
	add(n.Upload, "upload")
	return strings.Join(words, " ")
}

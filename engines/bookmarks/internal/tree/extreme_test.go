package tree_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

func insert(t testing.TB, b *tree.Builder, it tree.Item) {
	t.Helper()
	if err := b.Insert(it); err != nil {
		t.Fatal(err)
	}
}

func numbered(n int) tree.GUID { return tree.GUID(fmt.Sprintf("item%08d", n)) }

// A folder with a million children, in which one side moves the last to the
// front and the other appends one.
func TestVeryManyChildren(t *testing.T) {
	children := long.Of(200_000, 1_000_000)
	list := make([]tree.GUID, children)
	for i := range list {
		list[i] = numbered(i)
	}
	build := func(list []tree.GUID, changed tree.Change) *tree.Tree {
		var b tree.Builder
		b.Grow(len(list))
		insert(t, &b, tree.Item{GUID: tree.Menu, Kind: tree.Folder, Parent: tree.Root, Changed: changed})
		for _, g := range list {
			insert(t, &b, tree.Item{GUID: g, Kind: tree.Bookmark, Parent: tree.Menu})
		}
		b.List(tree.Menu, list...)
		return b.Build()
	}
	base := build(list, 0)
	local := build(append(list[children-1:], list[:children-1]...), tree.Changed)
	remote := build(append(list[:children:children], "appended____"), tree.Changed)

	m := tree.Merge(local, remote, tree.Options{NewGUID: counter(), Base: base})
	if len(m.Nodes) != children+6 {
		t.Fatalf("%d nodes", len(m.Nodes))
	}
	menu := m.Nodes[1]
	first, last := m.Nodes[menu.First], m.Nodes[menu.First+menu.Count-1]
	if first.GUID != list[children-1] || last.GUID != "appended____" {
		t.Fatalf("the first is %q, the last %q", first.GUID, last.GUID)
	}
}

// A chain of folders a hundred thousand deep is walked without recursion, from
// top to bottom and, as it is deleted on the other side, from the bottom up to
// what survives.
func TestAChainAHundredThousandDeep(t *testing.T) {
	const depth = 100_000
	var lb, rb tree.Builder
	parent := tree.Menu
	for i := range depth {
		insert(t, &lb, tree.Item{GUID: numbered(i), Kind: tree.Folder, Parent: parent})
		if i > 0 {
			rb.Delete(numbered(i))
		}
		parent = numbered(i)
	}
	insert(t, &lb, tree.Item{GUID: "new_________", Kind: tree.Bookmark, Parent: parent, Changed: tree.Changed})
	insert(t, &rb, tree.Item{GUID: numbered(0), Kind: tree.Folder, Parent: tree.Menu})
	rb.List(tree.Menu, numbered(0))
	rb.List(numbered(0))
	m := tree.Merge(lb.Build(), rb.Build(), tree.Options{NewGUID: counter()})

	if len(m.Nodes) != 7 || len(m.DeleteLocal) != depth-1 || m.DeleteLocal[0] != numbered(depth-1) {
		t.Fatalf("%d nodes, %d deletions", len(m.Nodes), len(m.DeleteLocal))
	}
	if n := m.Nodes[6]; n.GUID != "new_________" || m.Nodes[n.Parent].GUID != numbered(0) {
		t.Fatalf("the new bookmark is %+v", n)
	}
}

// Every folder lists every other one, or one great cycle: it ends, and nothing
// is lost.
func TestTreesOfCycles(t *testing.T) {
	const size = 50_000
	ways := map[string]func(i int) []tree.GUID{
		"one cycle": func(i int) []tree.GUID { return []tree.GUID{numbered((i + 1) % size)} },
		"pairs":     func(i int) []tree.GUID { return []tree.GUID{numbered(i ^ 1)} },
		"ladder": func(i int) []tree.GUID {
			return []tree.GUID{numbered((i + 1) % size), numbered((i + 2) % size)}
		},
		"random": func(i int) []tree.GUID {
			r := rand.New(rand.NewPCG(7, uint64(i)))
			return []tree.GUID{numbered(r.IntN(size)), numbered(r.IntN(size)), numbered(r.IntN(size))}
		},
	}
	for name, list := range ways {
		t.Run(name, func(t *testing.T) {
			var b tree.Builder
			for i := range size {
				insert(t, &b, tree.Item{GUID: numbered(i), Kind: tree.Folder, Parent: numbered((i + 3) % size), Modified: int64(i % 7)})
				b.List(numbered(i), list(i)...)
			}
			remote := b.Build()
			// Each is one cycle after another: a handful of rounds, not one for each folder.
			if n := remote.Problems().Counts[tree.Cycle]; remote.Len() != size+5 || n == 0 || n > 100 {
				t.Fatalf("%d nodes, %d cycles", remote.Len(), n)
			}
			m := tree.Merge(new(tree.Builder).Build(), remote, tree.Options{NewGUID: counter()})
			if len(m.Nodes) != size+5 || len(m.DeleteRemote) > 0 {
				t.Fatalf("%d nodes, %d deletions", len(m.Nodes), len(m.DeleteRemote))
			}
		})
	}
}

// A tree that is wrong in a hundred thousand places names the same few, whatever
// the order in which they are found.
func TestProblemsAreCountedAndAFewNamed(t *testing.T) {
	const wrong = 100_000
	var b tree.Builder
	for i := range wrong {
		b.List(tree.Menu, numbered((i*7919)%wrong))
	}
	p := b.Build().Problems()
	if p.Counts[tree.MissingChild] != wrong || p.Total() != wrong || len(p.First) != tree.MaxProblems {
		t.Fatalf("%d of %d problems, %d named", p.Counts[tree.MissingChild], p.Total(), len(p.First))
	}
	for i, q := range p.First {
		if want := (tree.Problem{Kind: tree.MissingChild, GUID: numbered(i), Folder: tree.Menu}); q != want {
			t.Fatalf("problem %d is %v, not %v", i, q, want)
		}
	}
}

func TestInsertRefuses(t *testing.T) {
	var b tree.Builder
	insert(t, &b, tree.Item{GUID: tree.Menu, Kind: tree.Folder})
	for name, it := range map[string]tree.Item{
		"a second item": {GUID: tree.Menu, Kind: tree.Folder},
		"no GUID":       {Kind: tree.Folder},
		"no kind":       {GUID: "item________"},
		"no such kind":  {GUID: "item________", Kind: tree.Separator + 1},
	} {
		err := b.Insert(it)
		if err == nil || errors.Is(err, tree.ErrDuplicate) != (name == "a second item") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two contents are one only if kind, title and URL are.
func TestContentOf(t *testing.T) {
	seen := map[tree.Content]bool{}
	for _, c := range []tree.Content{
		{},
		tree.ContentOf(tree.Bookmark, "a", "b"),
		tree.ContentOf(tree.Query, "a", "b"),
		tree.ContentOf(tree.Bookmark, "ab", ""),
		tree.ContentOf(tree.Bookmark, "", "ab"),
		tree.ContentOf(tree.Bookmark, "a\x00b", ""),
		tree.ContentOf(tree.Separator, "", ""),
	} {
		if seen[c] {
			t.Errorf("%x stands for two things", c)
		}
		seen[c] = true
	}
}

func TestTreeIsABase(t *testing.T) {
	var b tree.Builder
	insert(t, &b, tree.Item{GUID: "b___________", Kind: tree.Bookmark, Parent: "A___________", Position: 1, Ref: 42})
	insert(t, &b, tree.Item{GUID: "a___________", Kind: tree.Bookmark, Parent: "A___________"})
	insert(t, &b, tree.Item{GUID: "A___________", Kind: tree.Folder, Parent: tree.Menu})
	b.Delete("z___________")
	b.Delete("y___________")
	b.Delete("a___________") // yields to the item
	tr := b.Build()
	if got := fmt.Sprint(tr.Children("A___________")); got != "[a___________ b___________]" {
		t.Error(got)
	}
	if p, ok := tr.Parent("b___________"); !ok || p != "A___________" {
		t.Error(p, ok)
	}
	if _, ok := tr.Parent("z___________"); ok || tr.Children("z___________") != nil {
		t.Error("a tombstone is in the tree")
	}
	var gone []tree.GUID
	for g := range tr.Deleted() {
		gone = append(gone, g)
	}
	if fmt.Sprint(gone) != "[y___________ z___________]" {
		t.Error(gone)
	}
	if i, ok := tr.Index("b___________"); !ok || tr.Item(i).Ref != 42 || tr.Item(i).Position != 1 {
		t.Errorf("%+v", tr.Item(i))
	}
}

// A maker of GUIDs that repeats itself, or makes one that is in use, is asked
// again.
func TestNewGUIDsAreNew(t *testing.T) {
	var b tree.Builder
	insert(t, &b, tree.Item{GUID: "bad1", Kind: tree.Bookmark, Parent: tree.Menu})
	insert(t, &b, tree.Item{GUID: "bad2", Kind: tree.Bookmark, Parent: tree.Menu, Position: 1})
	insert(t, &b, tree.Item{GUID: "used________", Kind: tree.Bookmark, Parent: tree.Menu, Position: 2})
	var remote tree.Builder
	remote.Delete("deleted_____")
	guids := []tree.GUID{"used________", "deleted_____", "short", "first_______", "first_______", "second______"}
	m := tree.Merge(b.Build(), remote.Build(), tree.Options{NewGUID: func() tree.GUID {
		g := guids[0]
		guids = guids[1:]
		return g
	}})
	if a, b := m.Nodes[5].GUID, m.Nodes[6].GUID; a != "first_______" || b != "second______" {
		t.Fatalf("%q and %q", a, b)
	}
}

// A caller's own content keys never make a bookmark one with a folder.
func TestContentOfAnotherKind(t *testing.T) {
	build := func(g tree.GUID, k tree.Kind) *tree.Tree {
		var b tree.Builder
		insert(t, &b, tree.Item{GUID: g, Kind: k, Parent: tree.Menu, Changed: tree.Changed, Content: tree.Content{1}})
		return b.Build()
	}
	m := tree.Merge(build("bookmark____", tree.Bookmark), build("folder______", tree.Folder), tree.Options{NewGUID: counter()})
	if len(m.Nodes) != 7 || m.Stats.Deduped != 0 {
		t.Fatalf("%d nodes, %d deduped", len(m.Nodes), m.Stats.Deduped)
	}
}

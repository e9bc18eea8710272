package tree_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

var rootGUIDs = []tree.GUID{tree.Menu, tree.Toolbar, tree.Unfiled, tree.Mobile}

// env is two sides that were in sync and then were edited.
type env struct {
	t                   *rapid.T
	base, local, remote *store
	made                int
}

func (w *env) n(label string, limit int) int {
	return rapid.IntRange(0, limit-1).Draw(w.t, label)
}

// drawWorld draws a tree and edits of it on both sides.
func drawWorld(t *rapid.T) *env {
	w := &env{t: t, base: newStore()}
	w.base.items[tree.Root] = &bookmark{Item: tree.Item{GUID: tree.Root, Kind: tree.Folder}}
	for i, g := range rootGUIDs {
		w.base.items[g] = &bookmark{Item: tree.Item{GUID: g, Kind: tree.Folder, Parent: tree.Root, Position: int32(i)}, children: []tree.GUID{}}
	}
	w.edit(w.base, w.n("base size", 12), true)
	w.base.settle()
	w.local, w.remote = w.base.clone(), w.base.clone()
	w.edit(w.local, w.n("local edits", 10), false)
	w.edit(w.remote, w.n("remote edits", 10), false)
	return w
}

func (s *store) folders() []tree.GUID {
	var list []tree.GUID
	for _, g := range slices.Sorted(maps.Keys(s.items)) {
		if g != tree.Root && s.items[g].Kind == tree.Folder {
			list = append(list, g)
		}
	}
	return list
}

func (s *store) movable() []tree.GUID {
	var list []tree.GUID
	for _, g := range slices.Sorted(maps.Keys(s.items)) {
		if p := s.items[g].Parent; p != "" && p != tree.Root {
			list = append(list, g)
		}
	}
	return list
}

func (s *store) within(g, folder tree.GUID) bool {
	for ; g != ""; g = s.items[g].Parent {
		if g == folder {
			return true
		}
	}
	return false
}

// edit makes well-formed edits.
func (w *env) edit(s *store, n int, onlyAdd bool) {
	for range n {
		op := 0
		if !onlyAdd {
			op = w.n("edit", 6)
		}
		folders, items := s.folders(), s.movable()
		switch {
		case op <= 1 || len(items) == 0:
			w.add(s, folders[w.n("folder", len(folders))])
		case op == 2: // rename
			g := items[w.n("item", len(items))]
			s.items[g].title += "+"
			w.touch(s, g, tree.ChangedValue)
		case op == 3: // move, or reorder
			g, to := items[w.n("item", len(items))], folders[w.n("folder", len(folders))]
			if !s.within(to, g) {
				w.place(s, g, to)
			}
		case op == 4: // reorder
			g := items[w.n("item", len(items))]
			w.place(s, g, s.items[g].Parent)
		case op == 5:
			w.remove(s, items[w.n("item", len(items))])
		}
	}
}

func (w *env) touch(s *store, g tree.GUID, c tree.Change) {
	s.items[g].Changed |= c
	s.items[g].Modified = int64(w.n("when", 5))
}

func (w *env) add(s *store, folder tree.GUID) {
	w.made++
	kinds := []tree.Kind{tree.Bookmark, tree.Bookmark, tree.Folder, tree.Folder, tree.Separator, tree.Query}
	b := &bookmark{Item: tree.Item{
		GUID: tree.GUID(fmt.Sprintf("item_%07d", w.made)),
		Kind: kinds[w.n("kind", len(kinds))],
	}}
	b.title = fmt.Sprint("title ", w.n("title", 3))
	b.Content = tree.ContentOf(b.Kind, b.title, "")
	if b.Kind == tree.Folder {
		b.children = []tree.GUID{}
	}
	s.items[b.GUID] = b
	w.place(s, b.GUID, folder)
	w.touch(s, b.GUID, tree.Changed)
}

// place moves g to a place in folder.
func (w *env) place(s *store, g, folder tree.GUID) {
	b := s.items[g]
	if b.Parent != "" {
		w.unlink(s, g)
	}
	if b.Parent != folder {
		b.Parent = folder
		w.touch(s, g, tree.ChangedStructure)
	}
	f := s.items[folder]
	f.children = slices.Insert(f.children, w.n("position", len(f.children)+1), g)
	w.touch(s, folder, tree.ChangedStructure)
	s.renumber(folder)
}

func (w *env) unlink(s *store, g tree.GUID) {
	folder := s.items[g].Parent
	f := s.items[folder]
	f.children = slices.DeleteFunc(f.children, func(c tree.GUID) bool { return c == g })
	w.touch(s, folder, tree.ChangedStructure)
	s.renumber(folder)
}

func (s *store) renumber(folder tree.GUID) {
	for i, c := range s.items[folder].children {
		s.items[c].Position = int32(i)
	}
}

func (w *env) remove(s *store, g tree.GUID) {
	w.unlink(s, g)
	var drop func(tree.GUID)
	drop = func(g tree.GUID) {
		for _, c := range s.items[g].children {
			drop(c)
		}
		delete(s.items, g)
		s.deleted[g] = true
	}
	drop(g)
}

// coarsen makes a side forget what it knows about what changed.
func (s *store) coarsen() {
	for _, b := range s.items {
		if b.Changed != 0 {
			b.Changed = tree.Changed
		}
	}
}

func (w *env) options() tree.Options {
	o := tree.Options{NewGUID: counter(), Prefer: tree.Side(w.n("prefer", 3))}
	if rapid.Bool().Draw(w.t, "with base") {
		o.Base = w.base.build(true, nil)
	}
	if rapid.Bool().Draw(w.t, "coarse") {
		w.local.coarsen()
		w.remote.coarsen()
	}
	return o
}

// checkShape fails unless the outcome is a tree in level order that has every
// item of both sides once, or deletes it.
func checkShape(t rapid.TB, lt, rt *tree.Tree, m *tree.Merged) {
	t.Helper()
	guids := map[tree.GUID]bool{}
	locals, remotes := map[int32]bool{}, map[int32]bool{}
	next := int32(1)
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if guids[n.GUID] || !tree.ValidGUID(n.GUID) {
			t.Fatalf("%q is there twice, or invalid", n.GUID)
		}
		guids[n.GUID] = true
		if n.Local >= 0 && locals[n.Local] || n.Remote >= 0 && remotes[n.Remote] || n.Local < 0 && n.Remote < 0 {
			t.Fatalf("%q stands for an item that is there already: %+v", n.GUID, n)
		}
		locals[n.Local], remotes[n.Remote] = true, true
		if n.First != next || n.Kind != tree.Folder && n.Count > 0 {
			t.Fatalf("%q has its children at %d, not %d: %+v", n.GUID, n.First, next, n)
		}
		next += n.Count
		for k := range n.Count {
			if c := m.Nodes[n.First+k]; c.Parent != int32(i) || c.Position != k {
				t.Fatalf("child %d of %q is %+v", k, n.GUID, c)
			}
		}
	}
	if int(next) != len(m.Nodes) {
		t.Fatalf("%d nodes, but %d in the tree", len(m.Nodes), next)
	}
	for i, g := range append([]tree.GUID{tree.Root}, rootGUIDs...) {
		if m.Nodes[i].GUID != g {
			t.Fatalf("root %d is %q", i, m.Nodes[i].GUID)
		}
	}
	checkKept(t, lt, locals, m.DeleteLocal)
	checkKept(t, rt, remotes, m.DeleteRemote)
}

func checkKept(t rapid.TB, side *tree.Tree, kept map[int32]bool, deleted []tree.GUID) {
	t.Helper()
	gone := map[tree.GUID]bool{}
	for _, g := range deleted {
		if gone[g] {
			t.Fatalf("%q is deleted twice", g)
		}
		gone[g] = true
	}
	for i := range int32(side.Len()) {
		g := side.Item(i).GUID
		if g != tree.Tags && kept[i] == gone[g] && tree.ValidGUID(g) {
			t.Fatalf("%q: in the outcome: %v, deleted: %v", g, kept[i], gone[g])
		}
	}
}

// checkConverged fails unless both sides are the merged tree once they did what the
// merge says, and a second merge has nothing to say.
func checkConverged(t rapid.TB, w *env, lt, rt *tree.Tree, m *tree.Merged) {
	t.Helper()
	uploaded := w.remote.clone()
	upload(w.local, uploaded, lt, rt, m)
	applied := w.local.clone()
	applyLocally(applied, w.remote, lt, rt, m)

	lt2, rt2 := applied.build(false, nil), uploaded.build(true, nil)
	for name, side := range map[string]*tree.Tree{"device": lt2, "server": rt2} {
		if n := side.Problems().Total(); n > 0 {
			t.Fatalf("the %s has %d problems after the merge: %v", name, n, side.Problems().First)
		}
		if side.Len() != len(m.Nodes) {
			t.Fatalf("the %s has %d items, not %d", name, side.Len(), len(m.Nodes))
		}
		for i := range m.Nodes {
			if got := side.Item(int32(i)); got.GUID != m.Nodes[i].GUID || got.Kind != m.Nodes[i].Kind {
				t.Fatalf("item %d of the %s is %v %q, not %v %q", i, name, got.Kind, got.GUID, m.Nodes[i].Kind, m.Nodes[i].GUID)
			}
		}
	}
	for g, b := range applied.items {
		if on := uploaded.items[g]; on != nil && on.title != b.title && b.Parent != tree.Root && g != tree.Root {
			t.Fatalf("%q is %q on the device and %q on the server", g, b.title, on.title)
		}
	}
	again := tree.Merge(lt2, rt2, tree.Options{NewGUID: counter()})
	for _, n := range again.Changes() {
		t.Fatalf("the second merge changes %+v", n)
	}
	if len(again.DeleteLocal)+len(again.DeleteRemote) > 0 {
		t.Fatalf("the second merge deletes %v and %v", again.DeleteLocal, again.DeleteRemote)
	}
}

// cases is how many random worlds a property is tried with: 100 were too few to find
// a bug that was real.
const cases = 2000

// Any edits on both sides: what neither deleted is there once, and after one
// round both sides have the same.
func TestMergeKeepsEverythingAndConverges(t *testing.T) {
	long.Check(t, cases, func(t *rapid.T) {
		w := drawWorld(t)
		o := w.options()
		lt, rt := w.local.build(false, nil), w.remote.build(true, nil)
		for _, side := range []*tree.Tree{lt, rt} {
			if side.Problems().Total() > 0 {
				t.Fatalf("the edits made problems: %v", side.Problems().First)
			}
		}
		m := tree.Merge(lt, rt, o)
		checkShape(t, lt, rt, m)
		for _, g := range m.DeleteLocal {
			if !w.remote.deleted[g] {
				t.Fatalf("%q goes here, but nobody deleted it there", g)
			}
			if b := w.local.items[g]; o.Prefer == 0 && b.Changed != 0 && b.Kind != tree.Folder {
				t.Fatalf("%q goes here, though it was changed", g)
			}
		}
		for _, g := range m.DeleteRemote {
			if !w.local.deleted[g] {
				t.Fatalf("%q goes there, but nobody deleted it here", g)
			}
		}
		checkConverged(t, w, lt, rt, m)
	})
}

// A third device, with the tree of the last sync and no edits of its own, takes
// the outcome over as it is.
func TestAnotherDeviceFollows(t *testing.T) {
	long.Check(t, cases, func(t *rapid.T) {
		w := drawWorld(t)
		lt, rt := w.local.build(false, nil), w.remote.build(true, nil)
		m := tree.Merge(lt, rt, w.options())
		server := w.remote.clone()
		upload(w.local, server, lt, rt, m)
		for g, b := range server.items {
			if old := w.base.items[g]; old == nil || !reflect.DeepEqual(old, b) {
				b.Changed = tree.Changed
			}
		}
		for g := range w.base.items {
			if server.items[g] == nil {
				server.deleted[g] = true
			}
		}
		third := tree.Merge(w.base.build(false, nil), server.build(true, nil), tree.Options{NewGUID: counter()})
		if len(third.Nodes) != len(m.Nodes) || len(third.DeleteRemote) > 0 {
			t.Fatalf("the third device has %d items, not %d, and deletes %v", len(third.Nodes), len(m.Nodes), third.DeleteRemote)
		}
		for i := range third.Nodes {
			if n := &third.Nodes[i]; n.GUID != m.Nodes[i].GUID || n.Upload {
				t.Fatalf("item %d is %+v on the third device, %+v on the first", i, n, m.Nodes[i])
			}
		}
	})
}

// Whatever the records on the server say, and in whatever order they come.
func TestMergeRepairsAnything(t *testing.T) {
	long.Check(t, cases, func(t *rapid.T) {
		w := drawWorld(t)
		w.corrupt(w.remote)
		if rapid.Bool().Draw(t, "corrupt local") {
			w.corrupt(w.local)
		}
		o := w.options()
		lt, rt := w.local.build(false, nil), w.remote.build(true, nil)
		m := tree.Merge(lt, rt, o)
		checkShape(t, lt, rt, m)
		checkNoBookmarkLost(t, w, lt, rt, m)
		checkConverged(t, w, lt, rt, m)

		shuffle := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "shuffle")))
		o.NewGUID = counter()
		lt2, rt2 := w.local.build(false, shuffle), w.remote.build(true, shuffle)
		if again := tree.Merge(lt2, rt2, o); !reflect.DeepEqual(again, m) {
			t.Fatalf("another order of insertion, another outcome:\n%+v\n%+v", m, again)
		}
	})
}

// checkNoBookmarkLost fails if a bookmark goes that neither side deleted.
func checkNoBookmarkLost(t rapid.TB, w *env, lt, rt *tree.Tree, m *tree.Merged) {
	t.Helper()
	for _, g := range m.DeleteLocal {
		if !w.remote.deleted[g] && isBookmark(lt, g) {
			t.Fatalf("the bookmark %q goes here, but nobody deleted it", g)
		}
	}
	for _, g := range m.DeleteRemote {
		if !w.local.deleted[g] && isBookmark(rt, g) && tree.ValidGUID(g) {
			t.Fatalf("the bookmark %q goes there, but nobody deleted it", g)
		}
	}
}

// isBookmark reports whether g is a bookmark of use, and none that Firefox keeps a
// tag by.
func isBookmark(side *tree.Tree, g tree.GUID) bool {
	i, _ := side.Index(g)
	if it := side.Item(i); it.Kind != tree.Bookmark || it.Validity == tree.Replace {
		return false
	}
	for ok := true; ok; g, ok = side.Parent(g) {
		if g == tree.Tags {
			return false
		}
	}
	return true
}

// corrupt makes records contradict each other.
func (w *env) corrupt(s *store) {
	for range w.n("corruptions", 8) {
		all := slices.Sorted(maps.Keys(s.items))
		all = slices.DeleteFunc(all, func(g tree.GUID) bool { return g == tree.Root })
		if len(all) == 0 {
			return
		}
		g := all[w.n("which", len(all))]
		other := append(all, tree.Root, "missing_____", tree.GUID("bad"))[w.n("other", len(all)+3)]
		b := s.items[g]
		isRoot := slices.Contains(rootGUIDs, g)
		w.touch(s, g, tree.Changed)
		switch w.n("corruption", 9) {
		case 0:
			b.Parent = other
		case 1:
			b.children = slices.Insert(slices.Clone(b.children), w.n("position", len(b.children)+1), other)
		case 2:
			if len(b.children) > 0 {
				b.children = slices.Delete(slices.Clone(b.children), 0, 1)
			}
		case 3:
			delete(s.items, g)
		case 4:
			delete(s.items, g)
			s.deleted[g] = true
		case 5:
			if !isRoot {
				b.Kind = tree.Bookmark + tree.Kind(w.n("kind", 5))
			}
		case 6:
			if !isRoot {
				delete(s.items, g)
				b.GUID = tree.GUID(fmt.Sprint("bad", w.n("name", 3)))
				if s.items[b.GUID] == nil {
					s.items[b.GUID] = b
				}
			}
		case 7:
			if !isRoot {
				b.Validity = tree.Reupload
			}
		case 8:
			b.Parent = ""
		}
	}
}

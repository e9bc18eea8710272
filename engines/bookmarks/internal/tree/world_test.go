package tree_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// bookmark is an item with a value that a test can look at.
type bookmark struct {
	tree.Item
	title string
	// children is a folder's list, on the server.
	children []tree.GUID
}

// store is a side's items by GUID. On the device they have positions, on the
// server lists.
type store struct {
	items   map[tree.GUID]*bookmark
	deleted map[tree.GUID]bool
}

func newStore() *store {
	return &store{items: map[tree.GUID]*bookmark{}, deleted: map[tree.GUID]bool{}}
}

func (s *store) clone() *store {
	c := newStore()
	for g, b := range s.items {
		copied := *b
		copied.children = slices.Clone(b.children)
		c.items[g] = &copied
	}
	maps.Copy(c.deleted, s.deleted)
	return c
}

// build inserts everything in an order that shuffle decides.
func (s *store) build(lists bool, shuffle *rand.Rand) *tree.Tree {
	var b tree.Builder
	guids := slices.Sorted(maps.Keys(s.items))
	gone := slices.Sorted(maps.Keys(s.deleted))
	if shuffle != nil {
		shuffle.Shuffle(len(guids), func(i, j int) { guids[i], guids[j] = guids[j], guids[i] })
		shuffle.Shuffle(len(gone), func(i, j int) { gone[i], gone[j] = gone[j], gone[i] })
	}
	half := len(gone) / 2
	for _, g := range gone[:half] {
		b.Delete(g)
	}
	for _, g := range guids {
		it := s.items[g]
		if lists && it.children != nil {
			b.List(g, it.children...)
		}
		if err := b.Insert(it.Item); err != nil {
			panic(err)
		}
	}
	for _, g := range gone[half:] {
		b.Delete(g)
	}
	return b.Build()
}

// applyLocally does on a device what the merge says is to be done, and nothing
// else.
func applyLocally(local, remote *store, lt, rt *tree.Tree, m *tree.Merged) {
	moved := map[tree.GUID]tree.GUID{} // GUIDs that changed
	for _, n := range m.Changes() {
		if n.Apply&tree.ApplyGUID != 0 {
			moved[lt.Item(n.Local).GUID] = n.GUID
		}
	}
	rename := func(g tree.GUID) tree.GUID {
		if to, ok := moved[g]; ok {
			return to
		}
		return g
	}
	before := local.items
	local.items = map[tree.GUID]*bookmark{}
	for g, b := range before {
		b.GUID, b.Parent = rename(g), rename(b.Parent)
		local.items[b.GUID] = b
	}
	for _, n := range m.Changes() {
		var from *bookmark
		if n.Remote >= 0 {
			from = remote.items[rt.Item(n.Remote).GUID]
		}
		if n.Apply&tree.ApplyInsert != 0 {
			local.items[n.GUID] = &bookmark{Item: tree.Item{GUID: n.GUID}}
		}
		b := local.items[n.GUID]
		if n.Apply&(tree.ApplyInsert|tree.ApplyValue) != 0 {
			b.title, b.Kind, b.Modified = from.title, from.Kind, from.Modified
		}
		if n.Apply&(tree.ApplyInsert|tree.ApplyParent) != 0 {
			b.Parent = m.Nodes[n.Parent].GUID
		}
		if n.Apply&(tree.ApplyInsert|tree.ApplyPosition) != 0 {
			b.Position = n.Position
		}
	}
	for _, g := range m.DeleteLocal {
		if to := rename(g); to != g {
			panic("an item that goes gets another GUID")
		}
		delete(local.items, g)
	}
	local.settle()
}

// upload does on the server what the merge says is to be done, and nothing else.
func upload(local, remote *store, lt, rt *tree.Tree, m *tree.Merged) (changed []tree.GUID) {
	before := remote.clone()
	for _, g := range m.DeleteRemote {
		delete(remote.items, g)
		remote.deleted[g] = true
	}
	for _, n := range m.Changes() {
		if !n.Upload {
			continue
		}
		b := &bookmark{Item: tree.Item{GUID: n.GUID, Kind: n.Kind, Parent: m.Nodes[n.Parent].GUID}}
		source := before
		g := tree.GUID("")
		if n.Remote >= 0 {
			g = rt.Item(n.Remote).GUID
		}
		if n.Local >= 0 && n.Value == tree.FromLocal || n.Remote < 0 {
			source, g = local, lt.Item(n.Local).GUID
		}
		if from := source.items[g]; from != nil {
			b.title, b.Modified = from.title, from.Modified
		}
		if b.Kind == tree.Folder {
			b.children = []tree.GUID{}
			for _, c := range m.Nodes[n.First : n.First+n.Count] {
				b.children = append(b.children, c.GUID)
			}
		}
		remote.items[n.GUID] = b
		changed = append(changed, n.GUID)
	}
	remote.settle()
	return changed
}

// settle marks everything as synced.
func (s *store) settle() {
	for _, b := range s.items {
		b.Changed, b.Validity = 0, tree.Valid
	}
	clear(s.deleted)
}

// counter makes valid GUIDs that no test uses otherwise.
func counter() func() tree.GUID {
	n := 0
	return func() tree.GUID {
		n++
		return tree.GUID(fmt.Sprintf("new_%08d", n))
	}
}

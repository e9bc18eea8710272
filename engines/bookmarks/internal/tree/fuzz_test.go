package tree_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// FuzzMerge makes two sides of the bytes, whatever they come to, and holds the
// merge to what holds for all: it ends, the outcome is a tree with every item once,
// both sides converge, and the order of insertion does not matter.
func FuzzMerge(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("menu and toolbar, and all the rest of it"))
	f.Add([]byte{0, 3, 1, 0x21, 5, 6, 1, 0x21, 6, 5, 9, 1, 5, 6, 9, 1, 6, 5, 2, 3, 2, 0x41, 5, 7})
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 0))
		b := make([]byte, 50<<(seed%4))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w := &env{local: newStore(), remote: newStore(), base: newStore()}
		o := tree.Options{NewGUID: counter()}
		if len(data) > 0 {
			o.Prefer = tree.Side(data[0] % 3)
			if data[0]&4 != 0 {
				o.Base = w.base.build(true, nil)
			}
			data = data[1:]
		}
		for len(data) >= 5 {
			data = w.decode(data)
		}
		lt, rt := w.local.build(false, nil), w.remote.build(true, nil)
		m := tree.Merge(lt, rt, o)
		checkShape(t, lt, rt, m)
		checkNoBookmarkLost(t, w, lt, rt, m)
		checkConverged(t, w, lt, rt, m)

		shuffle := rand.New(rand.NewPCG(1, 2))
		o.NewGUID = counter()
		again := tree.Merge(w.local.build(false, shuffle), w.remote.build(true, shuffle), o)
		if !reflect.DeepEqual(again, m) {
			t.Fatalf("another order of insertion, another outcome:\n%+v\n%+v", m, again)
		}
	})
}

// names are few, so that they meet.
func fuzzGUID(b byte) tree.GUID {
	switch n := b % 24; {
	case n == 0:
		return tree.Root
	case n <= 4:
		return rootGUIDs[n-1]
	case n == 5:
		return tree.Tags
	case n == 6:
		return "bad"
	default:
		return tree.GUID(fmt.Sprintf("item%08d", n))
	}
}

// decode makes one item, or tombstone, of a few bytes.
func (w *env) decode(data []byte) []byte {
	head, name, parent, detail, count := data[0], data[1], data[2], data[3], int(data[4]%8)
	data = data[5:]
	s := w.local
	if head&1 != 0 {
		s = w.remote
	}
	g := fuzzGUID(name)
	if head&0x0e == 0 {
		s.deleted[g] = true
		return data
	}
	b := &bookmark{Item: tree.Item{
		GUID: g, Kind: tree.Bookmark + tree.Kind(head>>1)%5, Parent: fuzzGUID(parent),
		Position: int32(detail % 5), Modified: int64(detail % 7),
		Changed: tree.Change(head>>4) & tree.Changed, Validity: tree.Validity(head>>6) % 3,
	}}
	if g == tree.Root || s == w.local && slices.Contains(rootGUIDs, g) {
		b.Kind = tree.Folder // a device makes its own roots; the wire has no root
	}
	if g == tree.Root {
		b.Parent = ""
	}
	if detail&0x80 != 0 {
		b.Content = tree.ContentOf(b.Kind, string(rune(detail&1)), "")
	}
	b.title = fmt.Sprint(b.Kind, " ", g) // what nobody changed is the same on both sides
	if b.Changed&tree.ChangedValue != 0 {
		b.title += fmt.Sprint(" ", detail&3)
	}
	if s == w.remote && head&0x10 != 0 {
		b.children = []tree.GUID{}
		for ; count > 0 && len(data) > 0; count-- {
			b.children = append(b.children, fuzzGUID(data[0]))
			data = data[1:]
		}
	}
	s.items[g] = b
	return data
}

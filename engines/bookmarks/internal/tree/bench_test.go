package tree_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// library is count bookmarks, 20 to a folder and 20 folders to a folder, as a
// side's store would insert them.
type library struct {
	items []tree.Item
	lists map[int][]tree.GUID // of the item with this index, for the server
}

func newLibrary(count int) *library {
	l := &library{lists: map[int][]tree.GUID{}}
	folders := []int{l.add(tree.Folder, tree.Unfiled, 0)}
	for n := range count {
		if n%20 == 19 {
			up := folders[len(folders)/20]
			folders = append(folders, l.add(tree.Folder, l.items[up].GUID, len(l.lists[up])))
			l.lists[up] = append(l.lists[up], l.items[len(l.items)-1].GUID)
			continue
		}
		in := folders[len(folders)-1]
		l.lists[in] = append(l.lists[in], l.items[l.add(tree.Bookmark, l.items[in].GUID, len(l.lists[in]))].GUID)
	}
	return l
}

func (l *library) add(k tree.Kind, parent tree.GUID, position int) int {
	n := len(l.items)
	l.items = append(l.items, tree.Item{
		GUID: tree.GUID(fmt.Sprintf("item%08d", n)), Kind: k, Parent: parent, Position: int32(position),
	})
	return n
}

// change marks every hundredth bookmark, renamed, and adds one to its folder.
func (l *library) change(offset int, side string, now int64) {
	for i := offset; i < len(l.items); i += 100 {
		it := &l.items[i]
		it.Changed, it.Modified = tree.Changed, now
	}
	content := tree.ContentOf(tree.Bookmark, side, side)
	for i := range len(l.items) / 1000 {
		n := l.add(tree.Bookmark, l.items[0].GUID, len(l.lists[0]))
		it := &l.items[n]
		it.GUID = tree.GUID(fmt.Sprintf("%s%08d", side[:4], i))
		it.Changed, it.Content, it.Modified = tree.Changed, content, now
		l.lists[0] = append(l.lists[0], it.GUID)
	}
	l.items[0].Changed, l.items[0].Modified = tree.Changed, now
}

func (l *library) build(lists bool) *tree.Tree {
	var b tree.Builder
	b.Grow(len(l.items))
	for i, it := range l.items {
		if err := b.Insert(it); err != nil {
			panic(err)
		}
		if lists && it.Kind == tree.Folder {
			b.List(it.GUID, l.lists[i]...)
		}
	}
	return b.Build()
}

// BenchmarkMerge builds and merges 100,000 local with 100,000 remote bookmarks,
// of which each side changed one in a hundred. live-MB is what the two trees and
// the outcome occupy.
func BenchmarkMerge(b *testing.B) {
	local, remote := newLibrary(100_000), newLibrary(100_000)
	local.change(0, "local", 1)
	remote.change(50, "remote", 2)
	o := tree.Options{NewGUID: counter()}

	b.Run("build", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			local.build(false)
			remote.build(true)
		}
	})
	b.Run("merge", func(b *testing.B) {
		b.ReportAllocs()
		lt, rt := local.build(false), remote.build(true)
		for b.Loop() {
			tree.Merge(lt, rt, o)
		}
	})
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var keep []any
		for b.Loop() {
			lt, rt := local.build(false), remote.build(true)
			keep = []any{lt, rt, tree.Merge(lt, rt, o)}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(keep)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "live-MB")
	})
}

// BenchmarkFirstSync merges two sides of 100,000 equal bookmarks under different
// GUIDs.
func BenchmarkFirstSync(b *testing.B) {
	local, remote := newLibrary(100_000), newLibrary(100_000)
	for s, l := range []*library{local, remote} {
		for i := range l.items {
			it := &l.items[i]
			it.Content, it.Changed = tree.ContentOf(it.Kind, string(it.GUID), ""), tree.Changed
		}
		if s == 1 {
			rename := func(g tree.GUID) tree.GUID {
				if g == tree.Unfiled {
					return g
				}
				return "other" + g[5:]
			}
			for i := range l.items {
				l.items[i].GUID, l.items[i].Parent = rename(l.items[i].GUID), rename(l.items[i].Parent)
			}
			for i := range l.lists {
				for k, g := range l.lists[i] {
					l.lists[i][k] = rename(g)
				}
			}
		}
	}
	lt, rt := local.build(false), remote.build(true)
	o := tree.Options{NewGUID: counter()}
	b.ReportAllocs()
	for b.Loop() {
		if m := tree.Merge(lt, rt, o); m.Stats.Deduped != 100_001 {
			b.Fatalf("%d deduped", m.Stats.Deduped)
		}
	}
}

package bookmarks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/long"

	"pgregory.net/rapid"
)

// twins is a model whose first device is synced twice each time: by merges of a part of the
// trees, and, on a copy of its file with a copy of the account, by merges of all of them.
type twins struct {
	*model
	t       *testing.T
	path    string
	syncs   int
	engines int
	parts   int64
}

// openTwin opens a file with random numbers that depend on seed.
func (m *twins) openTwin(path string, seed int) *bookmarks.Engine {
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	e, err := bookmarks.Open(context.Background(), bookmarks.Config{Path: path, Now: m.account.now, Rand: random})
	if err != nil {
		m.Fatal(err)
	}
	return e
}

// damage writes a record that contradicts others, as a device with a fault would.
func (m *twins) damage() {
	ids := slices.Sorted(maps.Keys(m.account.records))
	ids = slices.DeleteFunc(ids, func(id engine.ID) bool { return m.account.records[id].Payload == nil })
	if len(ids) == 0 {
		return
	}
	pick := func(label string) engine.ID { return rapid.SampledFrom(ids).Draw(m.T, label) }
	id := pick("damaged")
	var r map[string]any
	if err := json.Unmarshal(m.account.records[id].Payload, &r); err != nil {
		m.Fatal(err)
	}
	root := bookmarks.IsRoot(bookmarks.LocalID(id))
	switch rapid.SampledFrom([]string{"parent", "missing parent", "list", "list", "shorter", "shuffled", "kind", "delete", "same", "title", "date", "unreadable", "next to the roots"}).Draw(m.T, "damage") {
	case "parent":
		r["parentid"] = string(pick("parent"))
	case "missing parent":
		r["parentid"] = "missing00000"
	case "next to the roots":
		if rapid.IntRange(0, 3).Draw(m.T, "rarely") == 0 {
			r["parentid"] = "places"
		}
	case "list":
		children, _ := r["children"].([]any)
		r["children"] = append([]any{string(pick("child"))}, children...)
	case "shorter":
		if children, _ := r["children"].([]any); len(children) > 0 {
			r["children"] = children[1:]
		}
	case "shuffled":
		if children, _ := r["children"].([]any); len(children) > 1 {
			r["children"] = append(slices.Clone(children[1:]), children[0])
		}
	case "kind":
		if !root {
			r["type"] = rapid.SampledFrom([]string{"folder", "separator", "livemark"}).Draw(m.T, "kind")
		}
	case "delete":
		if !root {
			m.account.delete(id)
			return
		}
	case "title":
		r["title"] = rapid.SampledFrom([]string{"theirs", "item 1", "item 2"}).Draw(m.T, "title")
	case "date":
		r["dateAdded"] = 1_500_000_000_000
	case "unreadable":
		if rapid.IntRange(0, 9).Draw(m.T, "rarely") == 0 {
			r["type"] = "newer"
		}
	}
	b, _ := json.Marshal(r)
	m.account.put(id, string(b))
}

// outcome is what a sync reports and sends.
type outcome struct {
	merged engine.Merged
	out    []engine.Outgoing
	failed string
}

func (m *twins) syncOf(d *device, start engine.Start) (o outcome) {
	d.start = start
	var err error
	o.merged, o.out, err = d.trySync()
	if err != nil {
		o.failed = err.Error()
	}
	slices.Sort(o.merged.Changed)
	return o
}

// syncBoth syncs the first device both ways, and compares.
func (m *twins) syncBoth() {
	ctx := context.Background()
	d := m.devices[0]
	if err := d.Close(); err != nil {
		m.Fatal(err)
	}
	m.syncs++
	file, err := os.ReadFile(m.path)
	if err != nil {
		m.Fatal(err)
	}
	copied := filepath.Join(filepath.Dir(m.path), "copy.sqlite")
	if err := os.WriteFile(copied, file, 0o600); err != nil {
		m.Fatal(err)
	}
	start := engine.Start{Run: fmt.Sprint("run ", m.syncs), AcceptDeletions: rapid.IntRange(0, 3).Draw(m.T, "accept") > 0,
		Prefer: rapid.SampledFrom([]engine.Side{engine.PreferNeither, engine.PreferNeither, engine.PreferNeither, engine.PreferLocal, engine.PreferRemote}).Draw(m.T, "prefer")}
	account := *m.account
	account.records = maps.Clone(m.account.records)
	atOnce := rapid.SampledFrom([]int{2, 1000, 1000}).Draw(m.T, "at once")

	whole := &device{Engine: m.openTwin(copied, m.engines), t: m.t, a: &account}
	whole.SetFirstTry(bookmarks.WholeWay)
	whole.SetAtOnce(atOnce)
	d.Engine = m.openTwin(m.path, m.engines)
	d.SetFirstTry(bookmarks.PartWay)
	d.SetAtOnce(atOnce)
	m.engines++
	want, got := m.syncOf(whole, start), m.syncOf(d, start)
	if !reflect.DeepEqual(got, want) { //nolint:govet // none has an error
		m.Fatalf("a merge of a part reports and sends\n%+v\nthe whole one:\n%+v", got, want)
	}
	here, err := d.Dump(ctx)
	there, err2 := whole.Dump(ctx)
	if err := errors.Join(err, err2, whole.Close(), os.Remove(copied)); err != nil {
		m.Fatal(err)
	}
	for name, lines := range there {
		if !slices.Equal(here[name], lines) {
			m.Fatalf("after a merge of a part %s are\n%q\nafter one of the whole:\n%q", name, here[name], lines)
		}
	}
	if bookmarks.WholeMerges(d.Engine) == 0 {
		m.parts++
	}
}

// A merge of what is around the changes decides, writes and sends what a merge of the whole
// trees does, whatever both sides did, and whatever is wrong with the records.
func TestAPartIsMergedAsTheWholeIs(t *testing.T) {
	t.Parallel()
	var syncs, parts int64
	long.Check(t, 60, func(rt *rapid.T) {
		m := &twins{model: &model{T: rt, account: newAccount(), made: make(map[engine.ID]string), gone: make(map[engine.ID]bool)}, t: t, engines: 1}
		m.path = filepath.Join(t.TempDir(), "places.sqlite")
		for i, path := range []string{m.path, filepath.Join(t.TempDir(), "other.sqlite")} {
			d := &device{Engine: m.openTwin(path, 1000+i), t: t, a: m.account}
			m.devices = append(m.devices, d)
			defer func() { _ = d.Close() }()
		}
		for range rapid.IntRange(0, 40).Draw(rt, "before") {
			m.edit(m.devices[1])
		}
		m.devices[1].sync()
		m.devices[0].sync()
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 6).Draw(rt, "here") {
				m.edit(m.devices[0])
			}
			for range rapid.IntRange(0, 6).Draw(rt, "there") {
				m.edit(m.devices[1])
			}
			m.devices[1].start.AcceptDeletions = true
			m.devices[1].sync()
			for range rapid.IntRange(-2, 3).Draw(rt, "damages") {
				m.damage()
			}
			m.syncBoth()
		}
		syncs += int64(m.syncs)
		parts += m.parts
	})
	t.Logf("%d of %d merges were of a part", parts, syncs)
	if !t.Failed() && parts*10 < syncs*6 {
		t.Errorf("%d of %d merges were of a part; want most", parts, syncs)
	}
}

// A conflict reads what it is about, and not the rest of the trees.
func TestAConflictReadsLittle(t *testing.T) {
	t.Parallel()
	const folders, each = 12, 40
	for name, c := range map[string]struct {
		here, there func(one, two *device, all [][]engine.ID)
		atMost      int64
	}{
		"one renamed on both sides": {
			func(one, _ *device, all [][]engine.ID) { one.rename(all[3][20], "mine") },
			func(_, two *device, all [][]engine.ID) { two.rename(all[3][20], "theirs") },
			// The item, its folder and five roots here; the same there, but for the root of all.
			13,
		},
		"moved here, renamed there": {
			func(one, _ *device, all [][]engine.ID) { one.move(all[3][20], bookmarks.Toolbar, bookmarks.End) },
			func(_, two *device, all [][]engine.ID) { two.rename(all[3][20], "theirs") },
			13 + 2*each,
		},
		"both add to one folder": {
			func(one, _ *device, all [][]engine.ID) { one.add(one.get(all[3][20]).Parent, "mine") },
			func(_, two *device, all [][]engine.ID) { two.add(two.get(all[3][20]).Parent, "theirs") },
			13 + 2*each,
		},
		"a folder deleted there, with one moved out here": {
			func(one, _ *device, all [][]engine.ID) { one.move(all[3][20], bookmarks.Toolbar, bookmarks.End) },
			func(_, two *device, all [][]engine.ID) { two.remove(two.get(all[3][20]).Parent) },
			13 + 2*each + 2*folders,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount()
			one, two := a.device(t), a.device(t)
			all := make([][]engine.ID, folders)
			for f := range all {
				top, err := one.InsertTree(t.Context(), folderOf(f, each), bookmarks.End)
				if err != nil {
					t.Fatal(err)
				}
				for _, child := range top.Children {
					all[f] = append(all[f], child.ID)
				}
			}
			one.sync()
			two.sync()
			two.sync()
			c.there(one, two, all)
			two.start.AcceptDeletions = true
			two.sync()
			c.here(one, two, all)
			before := bookmarks.WholeMerges(one.Engine)
			one.start.AcceptDeletions = true
			one.sync()
			if n := bookmarks.WholeMerges(one.Engine) - before; n != 0 {
				t.Fatalf("%d merges of the whole trees", n)
			}
			if merges, items := bookmarks.PartialMerges(one.Engine); merges != 1 || items > c.atMost {
				t.Errorf("%d merges read %d items; want 1 and at most %d", merges, items, c.atMost)
			}
			two.sync()
			rest(t, one, two)
		})
	}
}

// folderOf is a folder in the menu with that many bookmarks.
func folderOf(number, size int) *bookmarks.Node {
	top := &bookmarks.Node{Item: bookmarks.Item{Kind: bookmarks.Folder, Parent: bookmarks.Menu, Title: fmt.Sprint("folder ", number)}}
	for i := range size {
		top.Children = append(top.Children, &bookmarks.Node{Item: bookmarks.Item{Title: title(i, number), URL: address(number*size + i)}})
	}
	return top
}

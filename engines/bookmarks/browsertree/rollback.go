package browsertree

import (
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// lasting is the time after which a browser has surely written its bookmarks to the disk: Chromium
// waits 2.5 seconds.
const lasting = 30 * time.Second

// noteChange keeps the base as it was before changes that may not be on the browser's disk.
func (v *View) noteChange(was []known, now time.Time) {
	ago := now.UnixMilli() - v.Changed
	settled := ago > lasting.Milliseconds() || ago < 0
	if slices.EqualFunc(was, v.Base, equal) {
		if settled {
			v.Unsure, v.Before = false, nil
		}
		return
	}
	if settled || !v.Unsure {
		v.Before = was
	}
	v.Unsure, v.Changed = true, now.UnixMilli()
}

func equal(a, b known) bool {
	stores := a.stored() == b.stored()
	a.Store, b.Store = nil, nil
	return stores && a == b
}

// rollBack is called when the browser was started again. If it was killed, its last changes
// may not have been on the disk, and it has its bookmarks as they were before them. That is
// not an edit of the user's: the base takes back what the browser took back.
func (v *View) rollBack(r *report) {
	if !v.Unsure {
		return
	}
	before, now := byGUID(v.Before), byGUID(v.Base)
	names := map[string]engine.ID{}
	for root, id := range r.roots {
		names[id] = root
	}
	for _, list := range [][]known{v.Before, v.Base} {
		for i := range list {
			names[list[i].ID] = list[i].GUID
		}
	}
	items := map[engine.ID]known{}
	for guid := range now {
		if k := tookBack(before[guid], now[guid], r, names); k != nil {
			items[guid] = *k
		}
	}
	for guid, k := range before {
		if now[guid] == nil && k.ID != "" && r.nodes[k.ID] != nil && r.nodes[k.ID].Added == k.Added {
			items[guid] = *k
		}
	}
	lists := map[engine.ID][]engine.ID{}
	older, newer := listsOf(v.Before), listsOf(v.Base)
	for folder := range merge(older, newer) {
		var there []engine.ID
		for _, n := range r.children[r.idOf(folder, items)] {
			there = append(there, names[n.ID])
		}
		first, second := newer[folder], older[folder]
		if !inOrder(there, first) && inOrder(there, second) {
			first, second = second, first
		}
		for _, list := range [][]engine.ID{first, second} {
			for i, id := range list {
				if k, ok := items[id]; ok && k.Parent == folder && !slices.Contains(lists[folder], id) {
					lists[folder] = insertAfter(lists[folder], list[:i], id)
				}
			}
		}
	}
	v.Base = flatten(items, lists)
}

// tookBack is an item of the base as far as the browser has it so; before is what it was. nil: it
// is not there, and was not.
func tookBack(before, now *known, r *report, names map[string]engine.ID) *known {
	n := r.nodes[now.ID]
	switch {
	case before == nil && now.ID != "" && n == nil:
		return nil
	case before == nil || n == nil || before.ID != now.ID:
		return now
	}
	k := *now
	if v := valueOf(n); v == before.Value && v != now.Value {
		k.Value, k.Store = before.Value, before.Store
	}
	if in := names[n.Parent]; in == before.Parent {
		k.Parent = in
	}
	return &k
}

func (r *report) idOf(folder engine.ID, items map[engine.ID]known) string {
	if id := r.roots[folder]; id != "" {
		return id
	}
	return items[folder].ID
}

func byGUID(list []known) map[engine.ID]*known {
	m := make(map[engine.ID]*known, len(list))
	for i := range list {
		m[list[i].GUID] = &list[i]
	}
	return m
}

// listsOf are the lists of folders.
func listsOf(list []known) map[engine.ID][]engine.ID {
	m := map[engine.ID][]engine.ID{}
	for i := range list {
		m[list[i].Parent] = append(m[list[i].Parent], list[i].GUID)
	}
	return m
}

func merge(a, b map[engine.ID][]engine.ID) map[engine.ID]bool {
	keys := map[engine.ID]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	return keys
}

// inOrder reports whether what two lists have in common has one order.
func inOrder(a, b []engine.ID) bool {
	at := make(map[engine.ID]int, len(b))
	for i, id := range b {
		at[id] = i
	}
	last := -1
	for _, id := range a {
		i, ok := at[id]
		if !ok {
			continue
		}
		if i < last {
			return false
		}
		last = i
	}
	return true
}

// flatten lists items, each folder before what is in it.
func flatten(items map[engine.ID]known, lists map[engine.ID][]engine.ID) (all []known) {
	for queue := slices.Clone(roots[:]); len(queue) > 0; queue = queue[1:] {
		for _, id := range lists[queue[0]] {
			all = append(all, items[id])
			queue = append(queue, id)
		}
	}
	return all
}

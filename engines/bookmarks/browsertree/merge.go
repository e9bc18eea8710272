package browsertree

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// merged is the outcome of a merge.
type merged struct {
	*side
	// source says whose value an item has.
	source map[engine.ID]tree.Value
	// ofBrowser is the outcome's name of an item, by the name that the browser's side has for it.
	ofBrowser map[engine.ID]engine.ID
}

// merge merges a browser's side, which is the local one of the merge, with the store's.
func (v *View) merge(browser, store, base *side, byGUID map[engine.ID]*known) (*merged, error) {
	local, err := buildTree(browser, base, func(it *item) bool {
		k := byGUID[it.guid]
		if k.ID == "" {
			return it.value == k.stored()
		}
		return it.value == k.Value
	})
	if err != nil {
		return nil, err
	}
	remote, err := buildTree(store, base, func(it *item) bool { return it.value == byGUID[it.guid].stored() })
	if err != nil {
		return nil, err
	}
	made := uint64(0)
	options := tree.Options{NewGUID: func() engine.ID {
		made++
		return engine.ID(base64.RawURLEncoding.EncodeToString(append([]byte{0}, binary.BigEndian.AppendUint64(nil, made)...)))
	}}
	if v.Merged {
		options.Base = commonPast{base}
	}
	return outcome(tree.Merge(local, remote, options), local, remote, browser, store), nil
}

// commonPast is the base as the merge asks for it.
type commonPast struct{ *side }

// Parent implements [tree.Base].
func (p commonPast) Parent(id engine.ID) (engine.ID, bool) {
	it := p.items[id]
	if it == nil {
		return "", false
	}
	return it.parent, true
}

// Children implements [tree.Base].
func (p commonPast) Children(id engine.ID) []engine.ID { return p.children[id] }

// buildTree marks what of a side changed since the base. unchanged compares the value of an item
// that is in it.
func buildTree(s, base *side, unchanged func(*item) bool) (*tree.Tree, error) {
	var b tree.Builder
	b.Grow(len(s.items))
	for folder, children := range s.children {
		for i, id := range children {
			it := s.items[id]
			was := base.items[id]
			to := tree.Item{GUID: id, Kind: tree.Kind(it.kind), Parent: folder, Position: int32(i), Modified: it.modified}
			switch {
			case isRoot(id):
			case was == nil:
				to.Changed = tree.Changed
				to.Content = tree.ContentOf(to.Kind, strings.Join(strings.Fields(it.value.Title), " "), contentURL(it))
			default:
				if !unchanged(it) {
					to.Changed |= tree.ChangedValue
				}
				if was.parent != it.parent {
					to.Changed |= tree.ChangedStructure
				}
			}
			if it.kind == bookmarks.Folder && !slices.Equal(s.children[id], base.children[id]) {
				to.Changed |= tree.ChangedStructure
			}
			if err := b.Insert(to); err != nil {
				return nil, err
			}
		}
	}
	for id := range base.items {
		if s.items[id] == nil {
			b.Delete(id)
		}
	}
	return b.Build(), nil
}

func contentURL(it *item) string {
	v, _ := inStore(it.value, it.kind)
	return v.URL
}

// outcome makes a side of what was merged. Each item that the store has keeps its name.
func outcome(m *tree.Merged, local, remote *tree.Tree, browser, store *side) *merged {
	out := &merged{side: newSide(), source: map[engine.ID]tree.Value{}, ofBrowser: make(map[engine.ID]engine.ID, len(browser.items))}
	names := make([]engine.ID, len(m.Nodes))
	for i := range m.Nodes {
		n := &m.Nodes[i]
		var ofBrowser, ofStore *item
		if n.Local >= 0 {
			ofBrowser = browser.items[local.Item(n.Local).GUID]
		}
		if n.Remote >= 0 {
			ofStore = store.items[remote.Item(n.Remote).GUID]
		}
		names[i] = n.GUID
		if ofStore != nil {
			names[i] = ofStore.guid
		}
		if ofBrowser != nil {
			out.ofBrowser[ofBrowser.guid] = names[i]
		}
		if i == 0 {
			continue
		}
		if isRoot(names[i]) {
			if ofBrowser != nil {
				out.items[names[i]].node = ofBrowser.node
			}
			continue
		}
		it := &item{guid: names[i], parent: names[n.Parent], kind: bookmarks.Kind(n.Kind)}
		if n.Value == tree.FromLocal || ofStore == nil {
			it.value, _ = inStore(ofBrowser.value, it.kind)
			it.added = ofBrowser.added
			out.source[it.guid] = tree.FromLocal
		} else {
			it.value, it.added = ofStore.value, ofStore.added
			out.source[it.guid] = n.Value
		}
		if ofBrowser != nil {
			it.node = ofBrowser.node
		}
		out.add(it)
	}
	return out
}

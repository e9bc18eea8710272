package tree

import (
	"errors"
	"fmt"
)

// ErrDuplicate is a GUID that was inserted twice on one side.
var ErrDuplicate = errors.New("the item was inserted twice")

// Builder collects one side's items and makes a Tree of them. Its methods may be
// called in any order. The zero Builder is ready to use.
type Builder struct {
	// ids numbers every GUID that an item, a list or a tombstone names.
	ids     map[GUID]int32
	entries []node
	// lists has a link for each child that a folder lists, in the order of calls.
	lists []link
}

// link is a folder's statement that it holds a child. Both are ids.
type link struct{ folder, child int32 }

// tagsID follows the roots among the ids of a Builder.
const tagsID = int32(len(roots))

// Grow prepares b for n items.
func (b *Builder) Grow(n int) {
	if b.ids != nil {
		return
	}
	b.ids = make(map[GUID]int32, n+len(roots)+1)
	b.entries = make([]node, 0, n+len(roots)+1)
	for _, g := range roots {
		b.id(g)
	}
	b.id(Tags)
	for id := range b.entries {
		e := &b.entries[id]
		e.kind, e.flags = Folder, implied|present
	}
}

// id numbers g, and makes a place for its item.
func (b *Builder) id(g GUID) int32 {
	if b.ids == nil {
		b.Grow(0)
	}
	if id, ok := b.ids[g]; ok {
		return id
	}
	id := int32(len(b.entries))
	b.ids[g] = id
	b.entries = append(b.entries, node{guid: g, parent: none})
	return id
}

// Insert adds an item. The roots need not be inserted; if they are, they bring
// their value. It fails with ErrDuplicate, or on an item without a GUID or kind.
func (b *Builder) Insert(it Item) error {
	if it.GUID == "" {
		return errors.New("inserting a bookmark: it has no GUID")
	}
	if it.Kind < Bookmark || it.Kind > Separator {
		return fmt.Errorf("inserting the bookmark %q: %d is not a kind", it.GUID, it.Kind)
	}
	id := b.id(it.GUID)
	if b.entries[id].flags&(present|implied) == present {
		return fmt.Errorf("inserting the bookmark %q: %w", it.GUID, ErrDuplicate)
	}
	parent := none
	if it.Parent != "" {
		parent = b.id(it.Parent)
	}
	e := &b.entries[id]
	e.parent, e.position = parent, it.Position
	e.kind, e.changed, e.validity = it.Kind, it.Changed, it.Validity
	e.modified, e.content, e.ref = it.Modified, it.Content, it.Ref
	e.flags = e.flags&^implied | present
	return nil
}

// List adds children to the end of a folder's own list, as its record has it. A
// folder with a list is held to it: what it names without the child knowing, and
// the other way round, is a problem. A folder without one, as in a local
// database, takes its order from Item.Position. An empty list is a list too. A
// list of the root itself is not read: Firefox neither writes nor reads one.
func (b *Builder) List(folder GUID, children ...GUID) {
	f := b.id(folder)
	b.entries[f].flags |= listed
	for _, g := range children {
		b.lists = append(b.lists, link{f, b.id(g)})
	}
}

// Delete adds a tombstone: this side deleted the item since the last sync. A
// tombstone yields to an item with the same GUID.
func (b *Builder) Delete(g GUID) {
	id := b.id(g)
	b.entries[id].flags |= tombstone
}

// Build makes the tree. The Builder is empty afterwards.
func (b *Builder) Build() *Tree {
	b.Grow(0)
	s := newSettler(b.entries, b.lists)
	s.readLists()
	s.readItems()
	s.openCycles()
	s.lay()
	if s.rescueForeign() {
		s.lay()
	}
	t := s.tree(b.ids)
	*b = Builder{}
	return t
}

package tree

import "errors"

// ErrDuplicate is a GUID that was inserted twice on one side.
var ErrDuplicate = errors.New("the item was inserted twice")

// Builder collects one side's items and makes a Tree of them. Its methods may be
// called in any order. The zero Builder is ready to use.
type Builder struct{}

// Grow prepares b for n items.
func (b *Builder) Grow(n int) {}

// Insert adds an item. The roots need not be inserted; if they are, they bring
// their value. It fails with ErrDuplicate, or on an item without a GUID or kind.
func (b *Builder) Insert(it Item) error { return nil }

// List adds children to the end of a folder's own list, as its record has it. A
// folder with a list is held to it: what it names without the child knowing, and
// the other way round, is a problem. A folder without one, as in a local
// database, takes its order from Item.Position. An empty list is a list too.
func (b *Builder) List(folder GUID, children ...GUID) {}

// Delete adds a tombstone: this side deleted the item since the last sync. A
// tombstone yields to an item with the same GUID.
func (b *Builder) Delete(g GUID) {}

// Build makes the tree. The Builder is empty afterwards.
func (b *Builder) Build() *Tree { return nil }

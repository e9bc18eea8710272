package tree

import "iter"

// Value says whose value a merged item has.
type Value uint8

const (
	// Same means that both sides have it, and neither changed it.
	Same Value = iota
	// FromLocal means that the local value is taken.
	FromLocal
	// FromRemote means that the remote value is taken.
	FromRemote
)

// Apply says what a device must do to a local item to bring it to the merged
// state. Zero: nothing.
type Apply uint8

const (
	// ApplyInsert adds it: there is no local item yet.
	ApplyInsert Apply = 1 << iota
	// ApplyGUID gives the local item another GUID, Node.GUID; its children stay its
	// children. To be done before insertions: what is inserted may have the GUID that becomes free.
	ApplyGUID
	// ApplyValue replaces the local value by the remote one.
	ApplyValue
	// ApplyParent moves it to another folder.
	ApplyParent
	// ApplyPosition gives it another position among its siblings.
	ApplyPosition
)

// Node is an item of the merged tree.
type Node struct {
	GUID GUID
	// Local and Remote are the item's numbers in the trees, or -1.
	Local, Remote int32
	// Parent is the number of its folder in Merged.Nodes; -1 for the root.
	Parent int32
	// Position is its place among its siblings, from 0.
	Position int32
	// First and Count are where its children are in Merged.Nodes.
	First, Count int32
	Kind         Kind
	Value        Value
	// Apply is what is to be done locally.
	Apply Apply
	// Conflict: both sides changed the value, and Value won. A caller that knows the
	// fields may merge them instead; it then applies and uploads the item.
	Conflict bool
	// Upload: its record on the server is to be written. A local item that is
	// marked as Changed and needs no upload says what the server says already. The
	// root itself is never uploaded.
	Upload bool
	// ForValue: it is to be uploaded only because the local value is taken. If the account
	// has the very same value, there is nothing to upload.
	ForValue bool
	// NewStructure: its children are neither the local nor the remote list.
	NewStructure bool
}

// Merged is the outcome of a merge.
type Merged struct {
	// Nodes is the merged tree in level order: the root first, a folder before its
	// children, siblings in order and together. The first five are the roots.
	Nodes []Node
	// DeleteLocal lists local items to remove, children before their folders. Those
	// that stay have left the folders by then.
	DeleteLocal []GUID
	// DeleteRemote lists records to replace by tombstones, sorted.
	DeleteRemote []GUID
	// Forget lists local tombstones that need not go up, sorted: the item is back, or
	// the account has no record of it.
	Forget []GUID
	// LocalProblems and RemoteProblems count what was wrong on either side, what
	// Build found included. All of it is repaired in Nodes.
	LocalProblems, RemoteProblems Problems
	Stats                         Stats
}

// Stats counts what the merge decided.
type Stats struct {
	// Deduped: new local items that were found in the account by content.
	Deduped int
	// LocalRevived and RemoteRevived: items that the other side deleted, but that
	// the local (the remote) side had changed.
	LocalRevived, RemoteRevived int
	// LocalDeletes and RemoteDeletes: items that the local (the remote) side
	// deleted, and that the other still had.
	LocalDeletes, RemoteDeletes int
	// Relocated: items handed to the nearest surviving parent of a folder that is
	// gone.
	Relocated int
	// Livemarks counts those that were deleted.
	Livemarks int
	// ValueConflicts: items whose value both sides changed. StructureConflicts: items that
	// both moved, folders whose children both changed.
	ValueConflicts, StructureConflicts int
}

// Changes iterates over the nodes with something to apply or to upload.
func (m *Merged) Changes() iter.Seq2[int32, *Node] {
	return func(yield func(int32, *Node) bool) {
		for i := range m.Nodes {
			n := &m.Nodes[i]
			if (n.Apply != 0 || n.Upload) && !yield(int32(i), n) {
				return
			}
		}
	}
}

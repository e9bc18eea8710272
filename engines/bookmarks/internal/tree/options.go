package tree

// Side is one of the two that are merged.
type Side uint8

// The sides.
const (
	Local Side = iota + 1
	Remote
)

// bySide has one value for each side; index 0 is not used.
type bySide[T any] [Remote + 1]T

// sides is for ranging over.
var sides = [...]Side{Local, Remote}

func (s Side) other() Side { return Local + Remote - s }

func (s Side) String() string {
	switch s {
	case Local:
		return "local"
	case Remote:
		return "remote"
	}
	return "neither"
}

// Base is what both sides had after the last sync. It may be asked for the parent
// of any item, but for children only of folders that both sides changed. A *Tree
// is a Base.
type Base interface {
	// Parent is the folder that g was in; false if g was not there.
	Parent(g GUID) (GUID, bool)
	// Children lists what was in g, in order.
	Children(g GUID) []GUID
}

// Options of a merge.
type Options struct {
	// NewGUID makes a GUID for an item that needs another one. Required. If it cannot, it
	// returns "" and the caller must drop the outcome.
	NewGUID func() GUID
	// Base is what was last synced, or nil. Without it the merge goes by what is
	// marked as Changed, which is right but coarser: it cannot tell a bookmark that was
	// moved here and renamed there from one that was moved on both sides.
	Base Base
	// Prefer makes one side win every conflict, whichever is newer, deletions included. Zero:
	// the newer one wins.
	Prefer Side
}

package tree

import "github.com/syncmanager/syncmanager/engine"

// GUID names an item. See engine.ID.
type GUID = engine.ID

// The roots that every tree has, under their local names. (The wire calls them
// places, menu, toolbar, unfiled and mobile; translating is the caller's.)
const (
	Root    GUID = "root________"
	Menu    GUID = "menu________"
	Toolbar GUID = "toolbar_____"
	Unfiled GUID = "unfiled_____"
	Mobile  GUID = "mobile______"

	// Tags is where Firefox keeps its tags as folders. It is not part of a synced tree:
	// what is below it is deleted on both sides.
	Tags GUID = "tags________"
)

// roots are the first nodes of every tree, in level order.
var roots = [...]GUID{Root, Menu, Toolbar, Unfiled, Mobile}

// ValidGUID reports whether g is what Firefox takes for an item's GUID: twelve
// characters of the base64url alphabet.
func ValidGUID(g GUID) bool {
	if len(g) != 12 {
		return false
	}
	for i := range len(g) {
		c := g[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// Kind is what an item is.
type Kind uint8

// The kinds of items.
const (
	Bookmark Kind = iota + 1
	Query
	Folder
	Livemark
	Separator
)

func (k Kind) String() string {
	switch k {
	case Bookmark:
		return "bookmark"
	case Query:
		return "query"
	case Folder:
		return "folder"
	case Livemark:
		return "livemark"
	case Separator:
		return "separator"
	}
	return "unknown"
}

// Change says what of an item differs from what was last synced.
type Change uint8

const (
	// ChangedValue is its title, URL, date or the like.
	ChangedValue Change = 1 << iota
	// ChangedStructure is its folder, or the list of its children.
	ChangedStructure

	// Changed is for a side that only knows that the item changed.
	Changed = ChangedValue | ChangedStructure
)

// Validity says whether an item's value can stay as it is.
type Validity uint8

const (
	// Valid can.
	Valid Validity = iota
	// Reupload is of use, but its record must be written again.
	Reupload
	// Replace cannot stay. The other side's value is taken; without one, the item is
	// deleted.
	Replace
)

// Item is what one side knows of one item.
type Item struct {
	GUID GUID
	Kind Kind
	// Parent is the folder that the item itself names, or "".
	Parent GUID
	// Position is the item's place among those that name the same Parent. It orders
	// children that their folder does not list (see Builder.List); equal positions
	// are ordered by GUID.
	Position int32
	// Modified is when the item changed, in milliseconds since 1970 on a clock that
	// both sides share: the newer of two changes wins.
	Modified int64
	// Changed is what this side changed since the last sync. In a local tree that
	// is what waits to go up, in a remote tree what came in with this sync. At the
	// first sync everything is Changed on both sides.
	Changed  Change
	Validity Validity
	// Content is the key under which a new item is recognised on the other side, or
	// zero: never. See ContentOf.
	Content Content
	// Ref is the caller's own, a row's number perhaps. It is handed back.
	Ref int64
}

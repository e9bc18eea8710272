package bookmarks

import "github.com/syncmanager/syncmanager/engine"

// The folders that every Firefox has. Nobody deletes, moves or renames them.
const (
	// Root holds the other four, and is never uploaded.
	Root engine.ID = "root________"
	// Menu is "Bookmarks Menu".
	Menu engine.ID = "menu________"
	// Toolbar is the bar below the address.
	Toolbar engine.ID = "toolbar_____"
	// Unfiled is "Other Bookmarks", where a bookmark goes that was given no place.
	Unfiled engine.ID = "unfiled_____"
	// Mobile is what phones bookmark.
	Mobile engine.ID = "mobile______"
)

// roots are the folders below Root, in the order in which they are shown.
var roots = [...]engine.ID{Menu, Toolbar, Unfiled, Mobile}

// wireIDs are the names that the roots have in records.
var wireIDs = map[engine.ID]engine.ID{Root: "places", Menu: "menu", Toolbar: "toolbar", Unfiled: "unfiled", Mobile: "mobile"}

var localIDs = func() map[engine.ID]engine.ID {
	m := make(map[engine.ID]engine.ID, len(wireIDs))
	for local, wire := range wireIDs {
		m[wire] = local
	}
	return m
}()

// WireID returns the ID of the item's record. Only the roots have a different one.
func WireID(guid engine.ID) engine.ID {
	if wire, ok := wireIDs[guid]; ok {
		return wire
	}
	return guid
}

// localID is the GUID of the item that a record describes. It takes a root by
// either of its names.
func localID(wire engine.ID) engine.ID {
	if local, ok := localIDs[wire]; ok {
		return local
	}
	return wire
}

// IsRoot reports whether guid is one of the five folders that cannot be changed.
func IsRoot(guid engine.ID) bool {
	_, ok := wireIDs[guid]
	return ok
}

// Package exchange reads and writes bookmarks and history in the formats of
// browsers, to and from one neutral model: a [Tree] of [Item]s and a stream of
// [Page]s. It does not use the engines' database.
//
// It reads bookmark files in Netscape's HTML as any browser and Pocket write it, Firefox's
// backups in JSON and jsonlz4, the Bookmarks file of Chrome and its relatives, Safari's
// Bookmarks.plist, CSV as tools write it, and the places.sqlite of a Firefox profile,
// even while Firefox has it open.
// It writes HTML and JSON (and jsonlz4) that Firefox reads back unchanged.
//
// Files come from other programs and may be hostile: every reader bounds depth,
// count and size. What a reader cannot take over is listed in [Skips], and it reads on.
package exchange

import (
	"iter"
	"time"

	"github.com/syncmanager/syncmanager/internal/skips"
)

// Kind says what an Item is.
type Kind uint8

// The kinds of items.
const (
	// Bookmark is a bookmark of a page, javascript: and data: URLs among them.
	Bookmark Kind = iota
	// Folder holds items.
	Folder
	// Separator is a line between items.
	Separator
	// Query is a bookmark whose URL is a search of Firefox's own: "place:tag=go".
	Query
)

var kindNames = [...]string{"bookmark", "folder", "separator", "query"}

func (k Kind) String() string { return kindNames[k] }

// Root names one of the four folders that every Firefox has, as the sync
// protocol does.
type Root string

// The roots that users see.
const (
	// Menu takes the items for which a source does not name a root.
	Menu Root = "menu"
	// Toolbar is the bar below the address bar, also in Chrome, Edge and Safari.
	Toolbar Root = "toolbar"
	// Unfiled is "Other Bookmarks".
	Unfiled Root = "unfiled"
	// Mobile has the bookmarks of phones.
	Mobile Root = "mobile"
)

// Roots lists the roots in the order in which this package reads and writes them.
var Roots = [...]Root{Menu, Toolbar, Unfiled, Mobile}

// An Item is a bookmark, a folder, a separator or a query.
type Item struct {
	Kind Kind
	// GUID is the item's ID in its source if that has one in Firefox's form (twelve
	// characters of base64url); "" otherwise. It is unique within a Tree.
	GUID string
	// Title is what the user sees, valid UTF-8 without NULs, of at most MaxTitle
	// UTF-16 code units. A separator has none.
	Title string
	// URL is where a bookmark or query leads, with a scheme, of at most MaxURL bytes.
	// It is as in the source, without the space around it; not normalised.
	URL string
	// Added and Modified are when the item was made and last changed, in UTC; zero
	// if the source has no date or an impossible one. The precision is the source's,
	// microseconds at best.
	Added, Modified time.Time
	// Tags are a bookmark's tags in the source's order, not empty, each once, of at
	// most MaxTag UTF-16 code units, without commas.
	Tags []string
	// Keyword is the word that leads to the bookmark when typed as an address, in
	// lower case. PostData is what is sent along with the keyword's request.
	Keyword, PostData string
	// Children are a folder's items in order.
	Children []*Item
	// Line is the item's line in the source, from 1, for reports; 0 if the source does
	// not have lines.
	Line int
}

// A Tree is what a source of bookmarks holds: the items of each root, in order.
type Tree struct {
	Menu, Toolbar, Unfiled, Mobile []*Item
}

// Root returns the items of r, to read or replace. It panics if r is not one of
// [Roots].
func (t *Tree) Root(r Root) *[]*Item {
	switch r {
	case Menu:
		return &t.Menu
	case Toolbar:
		return &t.Toolbar
	case Unfiled:
		return &t.Unfiled
	case Mobile:
		return &t.Mobile
	}
	panic("exchange: no root has the name " + string(r))
}

// All yields every item with its root, a folder before its children.
func (t *Tree) All() iter.Seq2[Root, *Item] {
	return func(yield func(Root, *Item) bool) {
		for _, r := range Roots {
			if !walk(r, *t.Root(r), yield) {
				return
			}
		}
	}
}

func walk(r Root, items []*Item, yield func(Root, *Item) bool) bool {
	for _, it := range items {
		if !yield(r, it) || !walk(r, it.Children, yield) {
			return false
		}
	}
	return true
}

// A Page is a page of the history with its visits.
type Page struct {
	// URL and Title are as an Item's.
	URL, Title string
	// Hidden pages are not shown (redirects, frames); Typed ones were typed by the
	// user at least once.
	Hidden, Typed bool
	// Visits are in the order of their dates, the oldest first. There is at least one.
	Visits []Visit
}

// A Visit is one visit of a page.
type Visit struct {
	// Date is in UTC, in microseconds. A date in the future is set to now.
	Date time.Time
	// Transition is how the user came to the page, in Firefox's numbers: 1 by a link, 2
	// typed, 3 by a bookmark, 4 embedded, 5 and 6 by a permanent and a temporary
	// redirect, 7 a download, 8 a link in a frame, 9 a reload.
	Transition int
}

// Bounds of what is taken over. Those of text are Firefox's.
const (
	// MaxTitle bounds titles, in UTF-16 code units; longer ones are cut.
	MaxTitle = 4096
	// MaxURL bounds URLs, in bytes.
	MaxURL = 64 << 10
	// MaxTag bounds tags, in UTF-16 code units.
	MaxTag = 100
	// MaxDepth bounds how deep folders nest below a root. Deeper items go into
	// the last folder that is not too deep.
	MaxDepth = 500
	// MaxItems bounds the items of one source.
	MaxItems = 2_000_000
	// MaxFile bounds a file of bookmarks, unpacked, in bytes. Databases are not bounded.
	MaxFile = 1 << 30
)

// Skips lists what of a source was left out or cut.
type Skips = skips.List

// A Skip is something of a source that was left out or cut.
type Skip = skips.Skip

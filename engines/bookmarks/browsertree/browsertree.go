// Package browsertree keeps the bookmarks of a Chromium on this machine and the store of
// bookmarks the same. It decides what to do on either side, and does the store's part; a
// program in the browser reports the browser's tree and applies what it is told.
//
// # How it merges
//
// [View] remembers the browser's tree as it was when the two were last merged: the base. An
// exchange compares the browser now and the store now with it, and merges as a sync does
// (engines/bookmarks/internal/tree). The store is brought to the outcome in one transaction,
// which the log of bookmarks lists. The base is then the browser's tree as it was reported, and
// what the browser lacks comes as operations, of which each says what it expects to find. A
// browser that is killed among them reports its tree the next time, and the rest follows.
//
// A first exchange has no base. It deletes nothing: items with the same title and URL in the
// same folder are one, and everything else goes to both sides. A later one that would delete
// many items changes nothing until the user accepts it.
//
// # What a Chromium does not have
//
// The bookmarks menu is shown as a folder of that name in "Other bookmarks", and so are mobile
// bookmarks where the browser has no such folder of its own. Separators and queries stay in the store, next to the
// neighbours that they have; a separator goes with its folder. Tags, keywords and dates of the
// store are not changed. Bookmarks that the browser refuses stay in the store alone, and those
// with a URL that cannot be synced in the browser alone. Bookmarks that an administrator set, and those of a
// Google account beside local ones, are not looked at.
package browsertree

import (
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
)

// Node is an item of a browser's tree. Siblings are in their order.
type Node struct {
	ID     string `json:"id"`
	Parent string `json:"parent"`
	Title  string `json:"title"`
	// URL is absent for a folder.
	URL *string `json:"url,omitempty"`
	// Added is when it was made, in Unix milliseconds.
	Added int64 `json:"added,omitempty"`
	// Type is the browser's word for one of its own folders: "bookmarks-bar", "other", "mobile"
	// or "managed". Old browsers have none.
	Type string `json:"type,omitempty"`
	// Syncing says that the browser itself syncs the item with an account.
	Syncing bool `json:"syncing,omitempty"`
}

// The operations on a browser's tree.
const (
	Create = "create"
	Move   = "move"
	Update = "update"
	Remove = "remove"
)

// Op is an operation on the browser's tree. It is to be left out if the item is not as it
// expects: the next exchange sees to that. A folder that is not empty is not removed.
type Op struct {
	// N names the operation; it grows.
	N  int    `json:"n"`
	Do string `json:"do"`
	// ID is the item; absent for one that is created.
	ID string `json:"id,omitempty"`
	// Parent is the folder that the item comes to; absent if that is made by operation In.
	Parent string `json:"parent,omitempty"`
	In     int    `json:"in,omitempty"`
	// Index is the place in it, counted without the item.
	Index int `json:"index"`
	// Title and URL are what the item gets; a folder has no URL.
	Title string `json:"title,omitempty"`
	URL   string `json:"url,omitempty"`
	// Was is what the item is expected to be.
	Was *Was `json:"was,omitempty"`
}

// Was is what an operation expects of an item.
type Was struct {
	Parent string `json:"parent"`
	Title  string `json:"title"`
	URL    string `json:"url,omitempty"`
}

// Ack says what became of an operation.
type Ack struct {
	N int `json:"n"`
	// ID, Title, URL and Added are those that an item has afterwards.
	ID    string `json:"id,omitempty"`
	Title string `json:"title,omitempty"`
	URL   string `json:"url,omitempty"`
	Added int64  `json:"added,omitempty"`
	// Refused says that the browser cannot take the values, and Stale that the item was not as
	// expected.
	Refused bool `json:"refused,omitempty"`
	Stale   bool `json:"stale,omitempty"`
}

// Status says what an exchange did.
type Status string

const (
	// First means that nothing was done, because the user has not agreed to a first exchange.
	First Status = "first"
	// Held means that nothing was done, because many items would be deleted.
	Held Status = "held"
	// Done means that the store is as merged, and that the operations bring the browser there.
	Done Status = "done"
)

// Answers of the user to [Held].
const (
	// Accept deletes.
	Accept = "accept"
	// Restore brings what was deleted on one side back from the other.
	Restore = "restore"
)

// Request is what a browser reports.
type Request struct {
	// Session is another one each time the browser is started.
	Session string `json:"session"`
	Nodes   []Node `json:"nodes"`
	// Acks are those of the operations that were applied since the last exchange.
	Acks []Ack `json:"acks,omitempty"`
	// Agreed says that the user agrees to a first exchange.
	Agreed bool `json:"agreed,omitempty"`
	// Answer is Accept or Restore, to the exchange with this Token; "" is neither.
	Answer string `json:"answer,omitempty"`
	Token  string `json:"token,omitempty"`
	// Preview asks what would be done, and does nothing.
	Preview bool `json:"preview,omitempty"`
}

// Result is what came of an exchange.
type Result struct {
	Status Status `json:"status"`
	// Token stands for the deletions that are held.
	Token string `json:"token,omitempty"`
	// Store and Browser are what changes there.
	Store   Changes `json:"store"`
	Browser Changes `json:"browser"`
	// Ops bring the browser to the outcome.
	Ops []Op `json:"ops,omitempty"`
	// StoreOnly and BrowserOnly count what the other side cannot have.
	StoreOnly   int `json:"storeOnly"`
	BrowserOnly int `json:"browserOnly"`
}

// Changes counts what changes on one side.
type Changes struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Moved   int `json:"moved"`
	Sorted  int `json:"sorted"`
	Deleted int `json:"deleted"`
	// Items names the first of them.
	Items []Line `json:"items,omitempty"`
}

// Line names an item that changes.
type Line struct {
	Do    string `json:"do"`
	Title string `json:"title"`
	URL   string `json:"url,omitempty"`
	// In is the title of its folder.
	In string `json:"in,omitempty"`
}

// maxLines bounds the items that Changes names for each kind of change.
const maxLines = 100

// MaxNodes bounds the items of a browser's tree.
const MaxNodes = 500_000

// ErrMalformed is wrapped by the errors about a tree that no browser has.
var ErrMalformed = errors.New("the browser's bookmarks cannot be read")

// ErrRoots means that the folders are gone that bookmarks were merged with.
var ErrRoots = errors.New("the bookmarks that were synced are not in the browser anymore; sign in to the browser as before, or have the extension start over")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Titles of the folders that stand for those that a browser lacks.
const (
	MenuTitle   = "Bookmarks Menu"
	MobileTitle = "Mobile Bookmarks"
)

// titleOf is the title of the folder that stands for a root.
func titleOf(root engine.ID) string {
	if root == menu {
		return MenuTitle
	}
	return MobileTitle
}

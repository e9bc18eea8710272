package bookmarks

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// Kind says what an item is. The numbers are stored in the file, and do not change.
type Kind uint8

// The kinds of items that a user has. A livemark is not among them: it is a folder that
// Firefox filled from the web until 2018. If there is one on the server, the merge deletes
// it.
const (
	// Bookmark leads to a page.
	Bookmark = Kind(tree.Bookmark)
	// Query is a bookmark whose URL is a search of Firefox's own ("place:tag=go").
	Query = Kind(tree.Query)
	// Folder holds items.
	Folder = Kind(tree.Folder)
	// Separator is a line between items.
	Separator = Kind(tree.Separator)

	livemark = Kind(tree.Livemark)
)

// String is the name of the kind in records: "bookmark".
func (k Kind) String() string { return tree.Kind(k).String() }

// parseKind finds a kind by its name in records.
func parseKind(name string) (Kind, bool) {
	for k := Bookmark; k <= Separator; k++ {
		if k.String() == name {
			return k, true
		}
	}
	return 0, false
}

// Item is a bookmark, query, folder or separator as the user sees it.
type Item struct {
	ID   engine.ID
	Kind Kind
	// Parent is the folder that holds it, and Position its place there, from 0.
	Parent   engine.ID
	Position int
	// Title has at most 4096 UTF-16 code units: longer ones are cut. A separator has none.
	Title string
	// URL is what a bookmark or query leads to.
	URL string
	// Tags and Keyword belong to the URL: all bookmarks of one URL share them.
	Tags []string
	// Keyword leads to the URL when it is typed as an address.
	Keyword string
	// Added and Modified are when it was made and last changed, in milliseconds.
	Added, Modified time.Time
}

// Bounds of what is stored, those of Firefox.
const (
	// maxTitle bounds titles, in UTF-16 code units; longer ones are cut.
	maxTitle = 4096
	// maxTag bounds tags, in UTF-16 code units.
	maxTag = 100
)

var (
	// ErrRoot means that a root cannot be changed, moved or deleted.
	ErrRoot = errors.New("this folder is part of every browser and cannot be changed, moved or deleted")
	// ErrNotFolder means that an item is not a folder and cannot hold others.
	ErrNotFolder = errors.New("it is not a folder")
	// ErrCycle means that a folder cannot be moved into itself.
	ErrCycle = errors.New("a folder cannot be moved into itself")
)

// cleanTitle cuts a title to maxTitle and takes out what no title has: NULs and
// what is not UTF-8.
func cleanTitle(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) <= maxTitle {
		return s
	}
	units := 0
	for i, r := range s {
		if units += max(utf16.RuneLen(r), 1); units > maxTitle {
			return s[:i]
		}
	}
	return s
}

// errNotFound means that the item does not exist, or no longer.
var errNotFound = &engine.NotFoundError{Reason: errors.New("there is no such bookmark")}

// invalid refuses a URL, tag or keyword that cannot be stored.
func invalid(format string, args ...any) error {
	return &engine.InvalidError{Reason: fmt.Errorf("it cannot be stored: "+format, args...)}
}

// checkURL returns a URL of the user's as it is stored, or says why it cannot be.
func checkURL(s string) (string, error) { return storedURL(places.Normalise(s)) }

// acceptURL is checkURL for what was stored before, by another device or here.
func acceptURL(s string) (string, error) { return storedURL(places.Accept(s)) }

func storedURL(s string, err error) (string, error) {
	if err != nil {
		return "", invalid("%w", err)
	}
	return s, nil
}

// cleanTag returns the tag as it is stored; ok is false if it is empty or too
// long.
func cleanTag(s string) (tag string, ok bool) {
	tag = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", ""))
	return tag, tag != "" && len(utf16.Encode([]rune(tag))) <= maxTag
}

// cleanKeyword returns the keyword as it is stored: in lower case.
func cleanKeyword(s string) string {
	return strings.ToLower(strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")))
}

// kindOf returns Query or Bookmark, by the URL.
func kindOf(url string) Kind {
	if len(url) > 6 && strings.EqualFold(url[:6], "place:") {
		return Query
	}
	return Bookmark
}

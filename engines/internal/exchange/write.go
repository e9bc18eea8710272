package exchange

import "io"

// WriteHTML writes the tree as Firefox exports bookmarks; see importHTML for what
// of it a reader gets back. Dates are in seconds there, and a GUID has no place.
func WriteHTML(w io.Writer, t *Tree) error { panic("unimplemented") }

// WriteJSON writes the tree as Firefox backs up bookmarks. An item without a GUID
// gets none, and Firefox gives it one when it restores.
func WriteJSON(w io.Writer, t *Tree) error { panic("unimplemented") }

// WriteLZ4 writes what WriteJSON does, packed as in bookmarkbackups.
func WriteLZ4(w io.Writer, t *Tree) error { panic("unimplemented") }

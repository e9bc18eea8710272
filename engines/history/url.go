package history

import (
	"strings"
)

// private are the schemes whose pages have no place in a history: they are parts
// of a program, or hold their content in themselves. Firefox refuses them too.
var private = map[string]bool{
	"about": true, "blob": true, "chrome": true, "resource": true, "data": true, "javascript": true, "place": true,
	"view-source": true, "moz-extension": true, "moz-anno": true, "page-icon": true, "cached-favicon": true,
	"wyciwyg": true, "imap": true, "news": true, "mailbox": true, "chrome-extension": true,
}

// storable reports whether a history may hold the URL, and syncable whether it
// may leave the device.
func storable(url string) (storable, syncable bool) {
	scheme, _, _ := strings.Cut(url, ":")
	return !private[scheme], !private[scheme] && scheme != "file"
}

// clean makes text of what may not be any. A NUL ends a string in many a program
// that will read this one.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

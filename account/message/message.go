// Package message has the types of what the devices of an account send each other through the
// accounts server. Packages account, which receives it, and syncmanager, which does so while
// it runs, share them.
package message

import "errors"

// ErrPush means that a push message cannot be used: it is damaged, too long, encrypted for other
// keys, not one of an accounts server, or came before.
var ErrPush = errors.New("the push message cannot be used")

// Tab is a page that one device sends to another.
type Tab struct {
	Title string
	// URL begins with "https:" or "http:". It has at most 65,536 bytes.
	URL string
	// Private asks for a private window.
	Private bool
}

// Message is what another device sent to this one: Tab, Close or Err is set.
type Message struct {
	// Index grows with each message to this device.
	Index int64
	// Sender is the device's ID with the accounts server, or "" if it left the account.
	Sender string
	// Tab is a page to open.
	Tab *Tab
	// Close lists the URLs of pages to close. They begin with "https:" or "http:".
	Close []string
	// Err says why a message cannot be used: it is damaged, was encrypted for other keys, has
	// an address that is not that of a web page, or is of a kind that is not known here. It is
	// for a log or for the user, and contains nothing of the message's content. Such a message
	// does not come again.
	Err error
}

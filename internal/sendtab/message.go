package sendtab

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"slices"

	"github.com/syncmanager/syncmanager/internal/ece"
)

// Tab is a page that one device sends to another.
type Tab struct {
	Title string `json:"title"`
	URL   string `json:"url"`
	// Private asks for a private window.
	Private bool `json:"private,omitempty"`
}

// flow holds two random IDs of a message, which some clients count messages by.
type flow struct {
	FlowID   string `json:"flowID"`
	StreamID string `json:"streamID"`
}

func newFlow(random io.Reader) (flow, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return flow{}, fmt.Errorf("cannot name a message: %w", err)
	}
	return flow{hex.EncodeToString(b[:8]), hex.EncodeToString(b[8:])}, nil
}

// openMessage is the content of OpenURI: a tab's history. Current is the index of the page to
// open; the default is the last.
type openMessage struct {
	flow
	Entries []Tab `json:"entries"`
	Current *int  `json:"current,omitempty"`
}

// closeMessage is the content of CloseURI.
type closeMessage struct {
	flow
	URLs []string `json:"urls"`
}

// maxAddress is Firefox's bound for an address, in bytes.
const maxAddress = 65536

// isWebPage reports whether an address means the same on every device, and nothing but a
// page on any: "file:" and "javascript:" do not.
func isWebPage(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(address) <= maxAddress
}

// SealTab encrypts a page to open, for the device that published value with [Publish]. The error
// is, among others, [ErrAddress].
func SealTab(t Tab, value string, sync SyncKey, random io.Reader) (Payload, error) {
	if !isWebPage(t.URL) {
		return Payload{}, ErrAddress
	}
	f, err := newFlow(random)
	if err != nil {
		return Payload{}, err
	}
	return sealFor(value, sync, random, openMessage{flow: f, Entries: []Tab{t}})
}

// OpenTab decrypts a page to open. The error wraps [ErrMessage], and [ErrAddress] where it is
// not a web page: what another device sends is checked as what this one sends.
func OpenTab(p Payload, k *ece.Keys) (Tab, error) {
	var m openMessage
	if err := open(p, k, &m); err != nil {
		return Tab{}, err
	}
	at := len(m.Entries) - 1
	if m.Current != nil {
		at = *m.Current
	}
	if at < 0 || at >= len(m.Entries) || m.Entries[at].URL == "" {
		return Tab{}, fmt.Errorf("%w: it does not name a page", ErrMessage)
	}
	if !isWebPage(m.Entries[at].URL) {
		return Tab{}, fmt.Errorf("%w: %w", ErrMessage, ErrAddress)
	}
	return m.Entries[at], nil
}

// SealURLs encrypts URLs of pages to close, for the device that published value with
// [Publish].
func SealURLs(urls []string, value string, sync SyncKey, random io.Reader) (Payload, error) {
	f, err := newFlow(random)
	if err != nil {
		return Payload{}, err
	}
	return sealFor(value, sync, random, closeMessage{flow: f, URLs: urls})
}

// OpenURLs decrypts URLs of pages to close, without those that are not web pages. The error
// wraps [ErrMessage], and [ErrAddress] if none is left.
func OpenURLs(p Payload, k *ece.Keys) ([]string, error) {
	var m closeMessage
	if err := open(p, k, &m); err != nil {
		return nil, err
	}
	if len(m.URLs) == 0 {
		return nil, fmt.Errorf("%w: it does not name a page", ErrMessage)
	}
	urls := slices.DeleteFunc(m.URLs, func(address string) bool { return !isWebPage(address) })
	if len(urls) == 0 {
		return nil, fmt.Errorf("%w: %w", ErrMessage, ErrAddress)
	}
	return urls, nil
}

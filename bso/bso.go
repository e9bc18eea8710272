// Package bso defines the basic types of the Sync 1.5 protocol: the [ID] of a record (a Basic
// Storage Object), the server's [Timestamp], and the [Limits] that a server announces.
//
// Both the client and the server use it, so it depends on neither.
// Source: the SyncStorage API 1.5.
package bso

import (
	"encoding/base64"
	"fmt"
	"io"
)

// ID identifies a record within its collection. The protocol allows 1 to 64 printable ASCII
// characters, and clients use all of them: Firefox writes "/DxrbGUjRCqNUiqn" (forms) and
// "{8a6f…}" (passwords).
type ID string

// MaxIDLength is the longest ID that the storage API allows, in bytes.
const MaxIDLength = 64

// Valid reports whether the protocol allows id.
func (id ID) Valid() bool {
	if len(id) == 0 || len(id) > MaxIDLength {
		return false
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// NewGUID makes an ID in the usual format: nine random bytes as twelve base64url characters.
// It panics if random fails.
func NewGUID(random io.Reader) ID {
	var raw [9]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		panic(fmt.Sprintf("bso: no randomness: %v", err))
	}
	if raw[0]>>2 == 62 { // a dash, with which it would pass for a flag on a command line
		raw[0] |= 1 << 2 // an underscore
	}
	return ID(base64.RawURLEncoding.EncodeToString(raw[:]))
}

// ValidCollection reports whether the storage API allows name as a collection: 1 to 32
// letters, digits, "-", "_" and ".".
func ValidCollection(name string) bool {
	if len(name) == 0 || len(name) > 32 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

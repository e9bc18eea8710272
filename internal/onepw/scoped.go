package onepw

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// OldSync is the OAuth scope of Firefox Sync: that of its key and its access tokens.
const OldSync = "https://identity.mozilla.com/apps/oldsync"

// ErrKeyID means that a text is not the key ID of a scoped key.
var ErrKeyID = errors.New("not a key ID")

// ScopedKey returns the 64-byte key of the [OldSync] scope. The first half encrypts, the
// second half authenticates.
func ScopedKey(kB []byte) []byte { return derive(kB, "oldsync", 2*KeySize) }

// ClientState returns the fingerprint of kB, 16 bytes, that the token server sees.
func ClientState(kB []byte) []byte {
	sum := sha256.Sum256(kB)
	return sum[:16]
}

// KeyID returns the key ID of the [OldSync] key of kB. rotated is the time at which the
// account's keys last changed, in milliseconds; it is never 0.
func KeyID(rotated int64, kB []byte) string { return FormatKeyID(rotated, ClientState(kB)) }

// FormatKeyID returns the text of a key ID.
func FormatKeyID(rotated int64, clientState []byte) string {
	return strconv.FormatInt(rotated, 10) + "-" + base64.RawURLEncoding.EncodeToString(clientState)
}

// ParseKeyID parses a key ID. It splits at the first "-", as the second part may contain
// others. The error wraps [ErrKeyID].
func ParseKeyID(kid string) (rotated int64, clientState []byte, err error) {
	number, state, _ := strings.Cut(kid, "-")
	if rotated, err = strconv.ParseInt(number, 10, 64); err != nil || rotated < 0 {
		return 0, nil, fmt.Errorf("%w: it does not start with a time", ErrKeyID)
	}
	clientState, err = base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(state, "="))
	if err != nil || len(clientState) == 0 || len(clientState) > KeySize {
		return 0, nil, fmt.Errorf("%w: its client state is not base64url of 1 to 32 bytes", ErrKeyID)
	}
	return rotated, clientState, nil
}

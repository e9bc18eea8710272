package onepw

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// OldSync is the OAuth scope of Firefox Sync, which its key and its access tokens
// carry.
const OldSync = "https://identity.mozilla.com/apps/oldsync"

// ErrKeyID means that a text is not the id of a scoped key.
var ErrKeyID = errors.New("not a key id")

// ScopedKey is the 64-byte key of the OldSync scope: half to encrypt, half to MAC.
func ScopedKey(kB []byte) []byte { return derive(kB, "oldsync", 2*KeySize) }

// ClientState is the fingerprint of kB that the token server sees: 16 bytes.
func ClientState(kB []byte) []byte {
	sum := sha256.Sum256(kB)
	return sum[:16]
}

// KeyID names the OldSync key of kB: the time in milliseconds at which the
// account's keys last changed, which is never 0, and the client state.
func KeyID(rotated int64, kB []byte) string { return FormatKeyID(rotated, ClientState(kB)) }

// FormatKeyID is the text of a key id.
func FormatKeyID(rotated int64, clientState []byte) string {
	return strconv.FormatInt(rotated, 10) + "-" + base64.RawURLEncoding.EncodeToString(clientState)
}

// ParseKeyID splits a key id at its first "-", as the second part may hold more.
// The error wraps ErrKeyID.
func ParseKeyID(kid string) (rotated int64, clientState []byte, err error) {
	number, state, _ := strings.Cut(kid, "-")
	if rotated, err = strconv.ParseInt(number, 10, 64); err != nil || rotated < 0 {
		return 0, nil, fmt.Errorf("%w: it begins with no time", ErrKeyID)
	}
	clientState, err = base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(state, "="))
	if err != nil || len(clientState) == 0 || len(clientState) > KeySize {
		return 0, nil, fmt.Errorf("%w: its client state is not base64url of 1 to 32 bytes", ErrKeyID)
	}
	return rotated, clientState, nil
}

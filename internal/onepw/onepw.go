// Package onepw derives the keys of a Firefox account from its one password, so
// that the server can check the password but never learns it, nor the key kB
// that the user's data is encrypted with.
//
//	password ─ stretch ─┬─ authPW ────── to the server, which stretches it again (Verifier)
//	                    └─ unwrapBKey ── xor wrapKB (from the server) = kB ─ ScopedKey
//
// Source: Mozilla's onepw protocol, with its second version of the stretching.
package onepw

import (
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// KeySize is the length in bytes of every key and token here but the scoped key.
const KeySize = 32

const (
	namespace = "identity.mozilla.com/picl/v1/"
	saltV1    = namespace + "quickStretch:"
	saltV2    = namespace + "quickStretchV2:"
	roundsV1  = 1000
)

// ErrSalt means that a client salt is not of version 2's form.
var ErrSalt = errors.New("not a version 2 client salt")

// Stretched is what a client derives from the password. Both are secret: AuthPW
// is as good as the password to this server, UnwrapBKey decrypts the data.
type Stretched struct {
	AuthPW     []byte
	UnwrapBKey []byte
}

// StretchV1 stretches with the e-mail address as salt, in the spelling that the
// account was created with.
func StretchV1(email, password string) Stretched {
	return stretch(saltV1+email, password, roundsV1)
}

// StretchV2 stretches with the account's own salt. It takes a noticeable part of
// a second. The error is ErrSalt.
func StretchV2(clientSalt, password string) (Stretched, error) {
	if !ValidClientSalt(clientSalt) {
		return Stretched{}, ErrSalt
	}
	return stretch(clientSalt, password, roundsV2), nil
}

func stretch(salt, password string, rounds int) Stretched {
	k, err := pbkdf2.Key(sha256.New, password, []byte(salt), rounds, KeySize)
	if err != nil {
		panic(fmt.Sprintf("onepw: PBKDF2: %v", err)) // only for lengths that are not here
	}
	return Stretched{AuthPW: derive(k, "authPW", KeySize), UnwrapBKey: derive(k, "unwrapBkey", KeySize)}
}

// NewClientSalt makes a salt for StretchV2.
func NewClientSalt(random io.Reader) (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("make a client salt: %w", err)
	}
	return ClientSalt(raw), nil
}

// ClientSalt is the salt with these 16 bytes as its own part.
func ClientSalt(raw [16]byte) string { return saltV2 + hex.EncodeToString(raw[:]) }

// ValidClientSalt reports whether s is of version 2's form.
func ValidClientSalt(s string) bool {
	own, ok := strings.CutPrefix(s, saltV2)
	raw, err := hex.DecodeString(own)
	return ok && err == nil && len(raw) == 16
}

// XOR is a xor b, which wraps and unwraps kB. Both must be of the same length.
func XOR(a, b []byte) []byte {
	out := make([]byte, len(a))
	subtle.XORBytes(out, a, b)
	return out
}

// derive is HKDF-SHA256 without salt, its purpose in the protocol's namespace.
func derive(key []byte, purpose string, n int) []byte {
	out, err := hkdf.Key(sha256.New, key, nil, namespace+purpose, n)
	if err != nil {
		panic(fmt.Sprintf("onepw: HKDF: %v", err)) // only for lengths that are not here
	}
	return out
}

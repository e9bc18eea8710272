// Package onepw derives the keys of a Firefox account from its password. The server can check
// the password, but it never sees the password itself or the key kB that encrypts the user's
// data.
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

// KeySize is the length, in bytes, of all keys and tokens in this package except the scoped
// key.
const KeySize = 32

const (
	namespace = "identity.mozilla.com/picl/v1/"
	saltV1    = namespace + "quickStretch:"
	saltV2    = namespace + "quickStretchV2:"
	roundsV1  = 1000
)

// ErrSalt means that a client salt does not have the format of version 2.
var ErrSalt = errors.New("not a version 2 client salt")

// Stretched is what a client derives from the password. Both keys are secret: AuthPW proves
// the password to the server, and UnwrapBKey decrypts the data.
type Stretched struct {
	AuthPW     []byte
	UnwrapBKey []byte
}

// StretchV1 stretches a password with the e-mail address as salt, in the spelling with which
// the account was created.
func StretchV1(email, password string) Stretched {
	return stretch(saltV1+email, password, roundsV1)
}

// StretchV2 stretches a password with the account's random salt. It takes a noticeable part
// of a second. The error is [ErrSalt].
func StretchV2(clientSalt, password string) (Stretched, error) {
	if !ValidClientSalt(clientSalt) {
		return Stretched{}, ErrSalt
	}
	return stretch(clientSalt, password, roundsV2), nil
}

func stretch(salt, password string, rounds int) Stretched {
	k, err := pbkdf2.Key(sha256.New, password, []byte(salt), rounds, KeySize)
	if err != nil {
		panic(fmt.Sprintf("onepw: PBKDF2: %v", err)) // only for lengths that are not used here
	}
	return Stretched{AuthPW: derive(k, "authPW", KeySize), UnwrapBKey: derive(k, "unwrapBkey", KeySize)}
}

// NewClientSalt makes a random salt for [StretchV2].
func NewClientSalt(random io.Reader) (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("cannot make a client salt: %w", err)
	}
	return ClientSalt(raw), nil
}

// ClientSalt returns the salt for [StretchV2] with 16 given bytes.
func ClientSalt(raw [16]byte) string { return saltV2 + hex.EncodeToString(raw[:]) }

// ValidClientSalt reports whether s is a salt for [StretchV2].
func ValidClientSalt(s string) bool {
	own, ok := strings.CutPrefix(s, saltV2)
	raw, err := hex.DecodeString(own)
	return ok && err == nil && len(raw) == 16
}

// XOR returns a xor b, which wraps and unwraps kB. Both must have the same length.
func XOR(a, b []byte) []byte {
	out := make([]byte, len(a))
	subtle.XORBytes(out, a, b)
	return out
}

// derive is HKDF-SHA256 without a salt. The info is purpose, in the protocol's namespace.
func derive(key []byte, purpose string, n int) []byte {
	out, err := hkdf.Key(sha256.New, key, nil, namespace+purpose, n)
	if err != nil {
		panic(fmt.Sprintf("onepw: HKDF: %v", err)) // only for lengths that are not used here
	}
	return out
}

// Package localkey creates and stores the key that encrypts this device's secrets at rest.
package localkey

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Key is 256 random bits. Printing a Key does not reveal them.
type Key [32]byte

// New makes a key from random.
func New(random io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return Key{}, fmt.Errorf("cannot make a local key: %w", err)
	}
	return k, nil
}

// String hides the key from logs and errors.
func (k Key) String() string { return "local key" }

// GoString hides the key from %#v.
func (k Key) GoString() string { return "localkey.Key{…}" }

// Subkey derives the key for one purpose (HKDF-SHA256), so that different purposes have
// different keys.
func (k Key) Subkey(purpose string) Key {
	raw, err := hkdf.Key(sha256.New, k[:], nil, "syncmanager local key: "+purpose, len(k))
	if err != nil {
		panic("localkey: HKDF refused 32 bytes: " + err.Error())
	}
	return Key(raw)
}

// MAC returns the HMAC-SHA256 of value, truncated to 128 bits. It replaces a secret value in
// an index.
func (k Key) MAC(value []byte) []byte {
	h := hmac.New(sha256.New, k[:])
	h.Write(value)
	return h.Sum(nil)[:16]
}

// ErrOpen means that a sealed text is damaged, or was sealed with another key or another
// context.
var ErrOpen = errors.New("it cannot be decrypted with this device's local key")

// version is the first byte of a sealed text. It means AES-256-GCM: a random 96-bit nonce,
// then the ciphertext with its 128-bit tag.
const version = 1

// Sealer encrypts and decrypts with one key. It is safe for concurrent use if its source of
// randomness is.
type Sealer struct {
	aead   cipher.AEAD
	random io.Reader
}

// Sealer returns a [Sealer] that reads its nonces from random.
func (k Key) Sealer(random io.Reader) *Sealer {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic("localkey: AES refused 32 bytes: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("localkey: no GCM: " + err.Error())
	}
	return &Sealer{aead, random}
}

// Seal encrypts plaintext and binds it to context. [Sealer.Open] needs the same context, so
// that a sealed text that was moved elsewhere does not open.
func (s *Sealer) Seal(plaintext, context []byte) ([]byte, error) {
	head := 1 + s.aead.NonceSize()
	sealed := make([]byte, head, head+len(plaintext)+s.aead.Overhead())
	sealed[0] = version
	if _, err := io.ReadFull(s.random, sealed[1:]); err != nil {
		return nil, fmt.Errorf("cannot seal: %w", err)
	}
	return s.aead.Seal(sealed, sealed[1:head], plaintext, context), nil
}

// IsSealed reports whether a text may be one that [Sealer.Seal] made. It is false for JSON.
func IsSealed(text []byte) bool { return len(text) > 0 && text[0] == version }

// Open decrypts a text that [Sealer.Seal] made with the same context, or returns [ErrOpen].
func (s *Sealer) Open(sealed, context []byte) ([]byte, error) {
	head := 1 + s.aead.NonceSize()
	if len(sealed) < head+s.aead.Overhead() || sealed[0] != version {
		return nil, ErrOpen
	}
	plaintext, err := s.aead.Open(nil, sealed[1:head], sealed[head:], context)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// Package ece encrypts messages for one device with its public key, as Web Push does: with an
// ephemeral P-256 key agreement, which a shared secret authenticates, and AES-128-GCM over
// records. It does no I/O.
//
// Sources: RFC 8188 (the content coding aes128gcm) and RFC 8291 (the keys).
package ece

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// AuthSize is the size of the secret that sender and receiver share, in bytes.
	AuthSize = 16
	// PublicSize is the size of a public key, an uncompressed point, in bytes.
	PublicSize = 65

	saltSize   = 16
	nonceSize  = 12
	tagSize    = 16
	headerSize = saltSize + 4 + 1
	// recordSize is the size of a full record with its tag, in bytes.
	recordSize = 4096
	// overhead is the size of the delimiter and the tag of a record, in bytes.
	overhead = 1 + tagSize

	// The delimiters. That of the last record is different, so that a truncated message is
	// detected.
	delimiter     = 1
	lastDelimiter = 2
)

var (
	// ErrMessage means that a message is malformed, was encrypted for another key, or was
	// changed.
	ErrMessage = errors.New("the message cannot be decrypted")
	// ErrKey means that key material has the wrong size or format.
	ErrKey = errors.New("malformed key")
)

// Keys are the keys of a receiver. They are secret.
type Keys struct {
	private *ecdh.PrivateKey
	auth    []byte
}

// Receiver holds what a sender knows of a receiver: the public key and the shared secret.
type Receiver struct {
	public *ecdh.PublicKey
	auth   []byte
}

// GenerateKeys makes the keys of a receiver.
func GenerateKeys(random io.Reader) (*Keys, error) {
	private, err := generate(random)
	if err != nil {
		return nil, err
	}
	auth := make([]byte, AuthSize)
	if _, err := io.ReadFull(random, auth); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &Keys{private, auth}, nil
}

// generate makes a key from random; crypto/ecdh would use its own source.
func generate(random io.Reader) (*ecdh.PrivateKey, error) {
	var scalar [32]byte
	for {
		if _, err := io.ReadFull(random, scalar[:]); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		// Almost all values are valid keys.
		if key, err := ecdh.P256().NewPrivateKey(scalar[:]); err == nil {
			return key, nil
		}
	}
}

// NewKeys returns the keys with the 32 bytes of a private key, and a shared secret.
func NewKeys(private, auth []byte) (*Keys, error) {
	key, err := ecdh.P256().NewPrivateKey(private)
	if err != nil || len(auth) != AuthSize {
		return nil, fmt.Errorf("%w: of a receiver", ErrKey)
	}
	return &Keys{key, auth}, nil
}

// Private returns the private key, 32 bytes.
func (k *Keys) Private() []byte { return k.private.Bytes() }

// Auth returns the shared secret, which senders know too.
func (k *Keys) Auth() []byte { return k.auth }

// Public returns the public key, [PublicSize] bytes.
func (k *Keys) Public() []byte { return k.private.PublicKey().Bytes() }

// String keeps keys out of logs.
func (k *Keys) String() string { return "ece.Keys(secret)" }

// NewReceiver returns the receiver with a public key and a shared secret.
func NewReceiver(public, auth []byte) (*Receiver, error) {
	key, err := ecdh.P256().NewPublicKey(public)
	if err != nil || len(auth) != AuthSize {
		return nil, fmt.Errorf("%w: of a receiver", ErrKey)
	}
	return &Receiver{key, auth}, nil
}

// Seal encrypts a message for the receiver. The ephemeral key and the salt are
// read from random.
func (r *Receiver) Seal(cleartext []byte, random io.Reader) ([]byte, error) {
	private, err := generate(random)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(random, salt); err != nil {
		return nil, fmt.Errorf("make a salt: %w", err)
	}
	shared, err := private.ECDH(r.public)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	sender := private.PublicKey().Bytes()
	records, err := newCoder(shared, r.auth, salt, r.public.Bytes(), sender)
	if err != nil {
		return nil, err
	}
	out := append([]byte(nil), salt...)
	out = binary.BigEndian.AppendUint32(out, recordSize)
	out = append(append(out, byte(len(sender))), sender...)
	for {
		n := min(len(cleartext), recordSize-overhead)
		record, end := append([]byte(nil), cleartext[:n]...), byte(delimiter)
		if cleartext = cleartext[n:]; len(cleartext) == 0 {
			end = lastDelimiter
		}
		out = records.aead.Seal(out, records.next(), append(record, end), nil)
		if end == lastDelimiter {
			return out, nil
		}
	}
}

// Open decrypts a message. The error wraps [ErrMessage].
func (k *Keys) Open(message []byte) ([]byte, error) {
	if len(message) < headerSize+PublicSize || message[headerSize-1] != PublicSize {
		return nil, fmt.Errorf("%w: its header is malformed", ErrMessage)
	}
	salt, size := message[:saltSize], int64(binary.BigEndian.Uint32(message[saltSize:]))
	sender, body := message[headerSize:headerSize+PublicSize], message[headerSize+PublicSize:]
	if size <= overhead {
		return nil, fmt.Errorf("%w: its records are too small", ErrMessage)
	}
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, fmt.Errorf("%w: its key is malformed", ErrMessage)
	}
	shared, err := k.private.ECDH(public)
	if err != nil {
		return nil, fmt.Errorf("%w: its key is malformed", ErrMessage)
	}
	records, err := newCoder(shared, k.auth, salt, k.Public(), sender)
	if err != nil {
		return nil, err
	}
	var clear []byte
	for {
		n := min(size, int64(len(body)))
		record, err := records.aead.Open(nil, records.next(), body[:n], nil)
		if err != nil {
			return nil, fmt.Errorf("%w: it was encrypted for another key, or changed", ErrMessage)
		}
		body = body[n:]
		text, last, ok := unpad(record)
		if !ok || last != (len(body) == 0) {
			return nil, fmt.Errorf("%w: it is incomplete", ErrMessage)
		}
		if clear = append(clear, text...); last {
			return clear, nil
		}
	}
}

// unpad removes the padding: a delimiter and zeros.
func unpad(record []byte) (text []byte, last, ok bool) {
	for i := len(record) - 1; i >= 0; i-- {
		if b := record[i]; b != 0 {
			return record[:i], b == lastDelimiter, b == delimiter || b == lastDelimiter
		}
	}
	return nil, false, false
}

// coder encrypts and decrypts the records of one message.
type coder struct {
	aead cipher.AEAD
	base [nonceSize]byte
	seq  uint64
}

func newCoder(shared, auth, salt, receiver, sender []byte) (*coder, error) {
	info := "WebPush: info\x00" + string(receiver) + string(sender)
	ikm, err := hkdf.Key(sha256.New, shared, auth, info, sha256.Size)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	base, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", nonceSize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &coder{aead: aead, base: [nonceSize]byte(base)}, err
}

// next returns the nonce of the next record.
func (c *coder) next() []byte {
	nonce := c.base
	counter := nonce[nonceSize-8:]
	binary.BigEndian.PutUint64(counter, binary.BigEndian.Uint64(counter)^c.seq)
	c.seq++
	return nonce[:]
}

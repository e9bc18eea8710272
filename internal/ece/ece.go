// Package ece encrypts messages for one device by its public key, as Web Push
// does: an ephemeral P-256 key agreement authenticated by a shared secret, and
// AES-128-GCM over records. It does no I/O.
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
	// recordSize is of a full record with its tag, in bytes.
	recordSize = 4096
	// overhead is what a record has besides the text: the delimiter and the tag.
	overhead = 1 + tagSize

	// The delimiters: the last record has one of its own, so that a message that
	// was cut off is not taken for a whole one.
	delimiter     = 1
	lastDelimiter = 2
)

var (
	// ErrMessage means that a message is not in the format, was made for another
	// key, or was changed on the way.
	ErrMessage = errors.New("the message cannot be decrypted")
	// ErrKey is wrapped by errors about key material of the wrong size or form.
	ErrKey = errors.New("malformed key")
)

// Keys are a receiver's, which never leave it.
type Keys struct {
	private *ecdh.PrivateKey
	auth    []byte
}

// Receiver is what a sender knows of a receiver.
type Receiver struct {
	public *ecdh.PublicKey
	auth   []byte
}

// GenerateKeys makes a receiver's keys.
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

// generate takes a key from random: crypto/ecdh has its own source.
func generate(random io.Reader) (*ecdh.PrivateKey, error) {
	var scalar [32]byte
	for {
		if _, err := io.ReadFull(random, scalar[:]); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		// All but one in four billion are good.
		if key, err := ecdh.P256().NewPrivateKey(scalar[:]); err == nil {
			return key, nil
		}
	}
}

// NewKeys takes up keys: the private one's 32 bytes, and the shared secret.
func NewKeys(private, auth []byte) (*Keys, error) {
	key, err := ecdh.P256().NewPrivateKey(private)
	if err != nil || len(auth) != AuthSize {
		return nil, fmt.Errorf("%w: of a receiver", ErrKey)
	}
	return &Keys{key, auth}, nil
}

// Private is the private key, 32 bytes. It is secret.
func (k *Keys) Private() []byte { return k.private.Bytes() }

// Auth is the secret that senders know too.
func (k *Keys) Auth() []byte { return k.auth }

// Public is the public key, PublicSize bytes.
func (k *Keys) Public() []byte { return k.private.PublicKey().Bytes() }

// String keeps keys out of logs.
func (k *Keys) String() string { return "ece.Keys(secret)" }

// NewReceiver takes up a receiver's public key and the shared secret.
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

// Open decrypts a message. The error wraps ErrMessage.
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
			return nil, fmt.Errorf("%w: it is for another key, or was changed", ErrMessage)
		}
		body = body[n:]
		text, last, ok := unpad(record)
		if !ok || last != (len(body) == 0) {
			return nil, fmt.Errorf("%w: it is not whole", ErrMessage)
		}
		if clear = append(clear, text...); last {
			return clear, nil
		}
	}
}

// unpad cuts the padding: a delimiter and zeros.
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

// next is the nonce of the next record.
func (c *coder) next() []byte {
	nonce := c.base
	counter := nonce[nonceSize-8:]
	binary.BigEndian.PutUint64(counter, binary.BigEndian.Uint64(counter)^c.seq)
	c.seq++
	return nonce[:]
}

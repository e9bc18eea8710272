// Package seal encrypts records for upload and decrypts them after download: key bundles,
// record payloads, and the crypto/keys record. It does no I/O.
//
// A payload is the JSON object {"ciphertext","IV","hmac"}: AES-256-CBC with
// PKCS#7 padding in base64, and the hex HMAC-SHA256 over the base64 text of the
// ciphertext. Source: the Firefox Sync object formats; seen in Firefox 153.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

var (
	// ErrHMAC means that a payload was encrypted with another key, or changed.
	ErrHMAC = errors.New("the record's signature does not fit: another key, or it was changed on the way")
	// ErrPayload means that a payload is malformed.
	ErrPayload = errors.New("the record's payload is malformed")
	// ErrKey means that key material has the wrong size or format.
	ErrKey = errors.New("malformed key")
)

// keySize is the size of each of a bundle's two keys, in bytes.
const keySize = 32

// Bundle is a pair of keys: one encrypts, one signs. It is safe for use by
// several goroutines.
type Bundle struct {
	enc, mac [keySize]byte
	block    cipher.Block
	workers  sync.Pool // *worker
}

// worker holds what opening or sealing one record would otherwise allocate.
type worker struct {
	mac     hash.Hash
	sum     []byte
	scratch []byte
	decrypt cipher.BlockMode
	encrypt cipher.BlockMode
	iv      [aes.BlockSize]byte
}

// reusable is what the standard library's CBC modes also are.
type reusable interface{ SetIV(iv []byte) }

// newBundle makes a bundle of an encryption key and a MAC key.
func newBundle(enc, mac []byte) (*Bundle, error) {
	if len(enc) != keySize || len(mac) != keySize {
		return nil, fmt.Errorf("%w: a bundle is two keys of %d bytes", ErrKey, keySize)
	}
	block, err := aes.NewCipher(enc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	b := &Bundle{enc: [keySize]byte(enc), mac: [keySize]byte(mac), block: block}
	b.workers.New = func() any {
		w := &worker{mac: hmac.New(sha256.New, b.mac[:])}
		w.decrypt = cipher.NewCBCDecrypter(block, w.iv[:])
		w.encrypt = cipher.NewCBCEncrypter(block, w.iv[:])
		return w
	}
	return b, nil
}

// SyncBundle returns the bundle of an account's scoped sync key, which has 64 bytes: the
// first half encrypts, the second signs. It seals crypto/keys and nothing else. The error wraps
// [ErrKey].
func SyncBundle(key []byte) (*Bundle, error) {
	if len(key) != 2*keySize {
		return nil, fmt.Errorf("%w: a sync key has %d bytes", ErrKey, 2*keySize)
	}
	return newBundle(key[:keySize], key[keySize:])
}

// RandomBundle returns a bundle of new keys. It reads 64 bytes from random; the only error is
// random's.
func RandomBundle(random io.Reader) (*Bundle, error) {
	var keys [2 * keySize]byte
	if _, err := io.ReadFull(random, keys[:]); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return SyncBundle(keys[:])
}

// Equal reports whether both bundles hold the same keys.
func (b *Bundle) Equal(o *Bundle) bool {
	if b == nil || o == nil {
		return b == o
	}
	return subtle.ConstantTimeCompare(b.enc[:], o.enc[:])&subtle.ConstantTimeCompare(b.mac[:], o.mac[:]) == 1
}

// Fingerprint identifies the bundle without revealing the keys.
func (b *Bundle) Fingerprint() string {
	h := sha256.New()
	h.Write([]byte("syncmanager key fingerprint"))
	h.Write(b.enc[:])
	h.Write(b.mac[:])
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// String keeps keys out of logs.
func (b *Bundle) String() string { return "seal.Bundle(secret)" }

// Open verifies and decrypts payload and appends the cleartext to dst. Errors
// wrap ErrHMAC or ErrPayload; dst is returned unchanged then.
func (b *Bundle) Open(dst, payload []byte) ([]byte, error) {
	p, err := parsePayload(payload)
	if err != nil {
		return dst, err
	}
	w := b.workers.Get().(*worker)
	defer b.workers.Put(w)
	if !w.verify(p.ciphertext, p.mac) {
		return dst, ErrHMAC
	}
	if err := w.setIV(p.iv); err != nil {
		return dst, err
	}
	return w.open(dst, p.ciphertext, b.block)
}

// sealed are the texts of a payload, inside of it.
type sealed struct{ ciphertext, iv, mac []byte }

func parsePayload(payload []byte) (p sealed, err error) {
	err = rawjson.Object(payload, func(key, value []byte) error {
		var into *[]byte
		switch string(key) {
		case "ciphertext":
			into = &p.ciphertext
		case "IV":
			into = &p.iv
		case "hmac":
			into = &p.mac
		default:
			return nil
		}
		text, ok := rawjson.Unquoted(value)
		if !ok {
			return fmt.Errorf("%w: %s is not a string", ErrPayload, key)
		}
		*into = text
		return nil
	})
	switch {
	case errors.Is(err, rawjson.ErrSyntax):
		return p, fmt.Errorf("%w: it is not a JSON object", ErrPayload)
	case err == nil && (p.ciphertext == nil || p.iv == nil || p.mac == nil):
		return p, fmt.Errorf("%w: ciphertext, IV or hmac is missing", ErrPayload)
	}
	return p, err
}

// setIV reads the IV of the payload to decrypt.
func (w *worker) setIV(text []byte) error {
	var buf [3 * aes.BlockSize]byte
	if base64.StdEncoding.DecodedLen(len(text)) <= len(buf) {
		if n, err := base64.StdEncoding.Decode(buf[:], text); err == nil && n == aes.BlockSize {
			copy(w.iv[:], buf[:])
			return nil
		}
	}
	return fmt.Errorf("%w: IV is not %d bytes in base64", ErrPayload, aes.BlockSize)
}

// open decrypts ciphertext, which was verified, with the IV of w.
func (w *worker) open(dst, ciphertext []byte, block cipher.Block) ([]byte, error) {
	from := len(dst)
	dst = grow(dst, base64.StdEncoding.DecodedLen(len(ciphertext)))
	n, err := base64.StdEncoding.Decode(dst[from:], ciphertext)
	clear := dst[from : from+n]
	if err != nil || n == 0 || n%aes.BlockSize != 0 {
		return dst[:from], fmt.Errorf("%w: ciphertext is not whole blocks in base64", ErrPayload)
	}
	if m, ok := w.decrypt.(reusable); ok {
		m.SetIV(w.iv[:])
	} else {
		w.decrypt = cipher.NewCBCDecrypter(block, w.iv[:])
	}
	w.decrypt.CryptBlocks(clear, clear)
	pad := int(clear[n-1])
	if pad == 0 || pad > aes.BlockSize || !bytes.Equal(clear[n-pad:], padding[pad][:pad]) {
		return dst[:from], fmt.Errorf("%w: bad padding", ErrPayload)
	}
	return dst[:from+n-pad], nil
}

// padding[n] is n bytes of value n, as PKCS#7 has it.
var padding = func() (p [aes.BlockSize + 1][aes.BlockSize]byte) {
	for n := range p {
		for i := range p[n] {
			p[n][i] = byte(n)
		}
	}
	return p
}()

func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		dst = append(make([]byte, 0, len(dst)+max(n, len(dst))), dst...)
	}
	return dst[:len(dst)+n]
}

// verify compares the signature in constant time.
func (w *worker) verify(ciphertext, hexMAC []byte) bool {
	var given [sha256.Size]byte
	if len(hexMAC) != hex.EncodedLen(len(given)) {
		return false
	}
	if _, err := hex.Decode(given[:], hexMAC); err != nil {
		return false
	}
	return hmac.Equal(w.sign(ciphertext), given[:])
}

func (w *worker) sign(ciphertext []byte) []byte {
	w.mac.Reset()
	w.mac.Write(ciphertext)
	w.sum = w.mac.Sum(w.sum[:0])
	return w.sum
}

// Seal encrypts and signs cleartext and appends the payload to dst. An IV is
// read from random, 16 bytes; the only error is random's.
func (b *Bundle) Seal(dst, cleartext []byte, random io.Reader) ([]byte, error) {
	w := b.workers.Get().(*worker)
	defer b.workers.Put(w)
	if _, err := io.ReadFull(random, w.iv[:]); err != nil {
		return dst, fmt.Errorf("make an IV: %w", err)
	}
	pad := aes.BlockSize - len(cleartext)%aes.BlockSize
	w.scratch = append(append(w.scratch[:0], cleartext...), padding[pad][:pad]...)
	if m, ok := w.encrypt.(reusable); ok {
		m.SetIV(w.iv[:])
	} else {
		w.encrypt = cipher.NewCBCEncrypter(b.block, w.iv[:])
	}
	w.encrypt.CryptBlocks(w.scratch, w.scratch)

	dst = append(dst, `{"ciphertext":"`...)
	from := len(dst)
	dst = base64.StdEncoding.AppendEncode(dst, w.scratch)
	mac := w.sign(dst[from:])
	dst = append(dst, `","IV":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, w.iv[:])
	dst = append(dst, `","hmac":"`...)
	dst = hex.AppendEncode(dst, mac)
	return append(dst, `"}`...), nil
}

// SealedSize is the length of the payload that Seal makes of n cleartext bytes.
func SealedSize(n int) int {
	blocks := (n/aes.BlockSize + 1) * aes.BlockSize
	return len(`{"ciphertext":"","IV":"","hmac":""}`) +
		base64.StdEncoding.EncodedLen(blocks) + base64.StdEncoding.EncodedLen(aes.BlockSize) + hex.EncodedLen(sha256.Size)
}

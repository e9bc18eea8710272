// Package jwe seals and opens what a sign-in page hands a device, for the device's public
// key: JSON Web Encryption in its compact form, with a P-256 key agreement (ECDH-ES) and
// AES-256-GCM. It does no I/O, and knows no other algorithm.
//
// Sources: RFC 7516 (the form), RFC 7517 (keys as JSON) and RFC 7518, sections 4.6 and 5.3.
package jwe

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// MaxSize is the size of the longest text that [Open] takes, in bytes.
const MaxSize = 1 << 16

var (
	// ErrFormat means that a text is not a JWE of this kind.
	ErrFormat = errors.New("this is not a JWE with ECDH-ES and A256GCM")
	// ErrOpen means that a JWE was sealed for another key, or was changed.
	ErrOpen = errors.New("the JWE cannot be decrypted with this key")
	// ErrKey means that a public key is not one of P-256.
	ErrKey = errors.New("this is not a public key of P-256")
)

const (
	agreement = "ECDH-ES"
	content   = "A256GCM"
	keySize   = 32
	nonceSize = 12
	tagSize   = 16
	// coordinate is the size of a coordinate of a point, in bytes.
	coordinate = 32
)

// jwk is a public key as JSON.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
}

// header is the protected header of a JWE.
type header struct {
	Alg string `json:"alg"`
	Enc string `json:"enc"`
	Epk *jwk   `json:"epk"`
	// Apu and Apv name the parties, if the sender says so.
	Apu string `json:"apu,omitempty"`
	Apv string `json:"apv,omitempty"`
	// Zip and Crit change what a JWE means, in ways that this package does not know.
	Zip  string   `json:"zip,omitempty"`
	Crit []string `json:"crit,omitempty"`
}

var text = base64.RawURLEncoding

func jwkOf(key *ecdh.PublicKey) *jwk {
	point := key.Bytes()[1:]
	return &jwk{Kty: "EC", Crv: "P-256", X: text.EncodeToString(point[:coordinate]), Y: text.EncodeToString(point[coordinate:])}
}

func (k *jwk) key() (*ecdh.PublicKey, error) {
	x, errX := text.DecodeString(k.X)
	y, errY := text.DecodeString(k.Y)
	if k.Kty != "EC" || k.Crv != "P-256" || errX != nil || errY != nil || len(x) != coordinate || len(y) != coordinate {
		return nil, ErrKey
	}
	key, err := ecdh.P256().NewPublicKey(append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, ErrKey
	}
	return key, nil
}

// MarshalKey returns a public key of P-256 as a JSON Web Key.
func MarshalKey(key *ecdh.PublicKey) ([]byte, error) {
	if key.Curve() != ecdh.P256() {
		return nil, ErrKey
	}
	return json.Marshal(jwkOf(key))
}

// ParseKey returns the public key in a JSON Web Key, or [ErrKey].
func ParseKey(raw []byte) (*ecdh.PublicKey, error) {
	var k jwk
	if err := json.Unmarshal(raw, &k); err != nil {
		return nil, ErrKey
	}
	return k.key()
}

// Seal encrypts cleartext for a public key of P-256. The ephemeral key and the nonce are read
// from random.
func Seal(cleartext []byte, to *ecdh.PublicKey, random io.Reader) (string, error) {
	var secret [keySize + nonceSize]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", fmt.Errorf("seal for a device: %w", err)
	}
	ephemeral, err := ecdh.P256().NewPrivateKey(secret[:keySize])
	if err != nil {
		return "", fmt.Errorf("seal for a device: %w", err) // one of four billion
	}
	shared, err := ephemeral.ECDH(to)
	if err != nil {
		return "", ErrKey
	}
	head, err := json.Marshal(header{Alg: agreement, Enc: content, Epk: jwkOf(ephemeral.PublicKey())})
	if err != nil {
		return "", err
	}
	protected, nonce := text.EncodeToString(head), secret[keySize:]
	sealed := aead(derive(shared, content, keySize, nil, nil)).Seal(nil, nonce, cleartext, []byte(protected))
	end := len(sealed) - tagSize
	return strings.Join([]string{protected, "", text.EncodeToString(nonce), text.EncodeToString(sealed[:end]), text.EncodeToString(sealed[end:])}, "."), nil
}

// Open decrypts what was sealed for key. The error is [ErrFormat] or [ErrOpen].
func Open(compact string, key *ecdh.PrivateKey) ([]byte, error) {
	if len(compact) > MaxSize || strings.Count(compact, ".") != 4 {
		return nil, ErrFormat
	}
	parts := strings.Split(compact, ".")
	var raw [5][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = text.DecodeString(part); err != nil {
			return nil, ErrFormat
		}
	}
	var h header
	err := json.Unmarshal(raw[0], &h)
	switch {
	case err != nil || h.Alg != agreement || h.Enc != content || h.Epk == nil || h.Zip != "" || h.Crit != nil:
		return nil, ErrFormat
	case len(raw[1]) != 0 || len(raw[2]) != nonceSize || len(raw[4]) != tagSize:
		return nil, ErrFormat
	}
	return h.open(parts[0], raw[2], append(raw[3], raw[4]...), key)
}

func (h *header) open(protected string, nonce, sealed []byte, key *ecdh.PrivateKey) ([]byte, error) {
	apu, errU := text.DecodeString(h.Apu)
	apv, errV := text.DecodeString(h.Apv)
	from, err := h.Epk.key()
	if errU != nil || errV != nil || err != nil {
		return nil, ErrFormat
	}
	shared, err := key.ECDH(from)
	if err != nil {
		return nil, ErrOpen
	}
	cleartext, err := aead(derive(shared, content, keySize, apu, apv)).Open(nil, nonce, sealed, []byte(protected))
	if err != nil {
		return nil, ErrOpen
	}
	return cleartext, nil
}

// derive makes the key of size bytes, 32 at most, from what both sides computed; see RFC
// 7518, section 4.6.2.
func derive(shared []byte, enc string, size int, apu, apv []byte) []byte {
	var in bytes.Buffer
	number := func(n int) { in.Write(binary.BigEndian.AppendUint32(nil, uint32(n))) } //nolint:gosec // sizes of short texts
	number(1)
	in.Write(shared)
	for _, part := range [][]byte{[]byte(enc), apu, apv} {
		number(len(part))
		in.Write(part)
	}
	number(8 * size)
	key := sha256.Sum256(in.Bytes())
	return key[:size]
}

// aead is the cipher of a key of [keySize] bytes.
func aead(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("jwe: AES refused 32 bytes: " + err.Error())
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("jwe: no GCM: " + err.Error())
	}
	return gcm
}

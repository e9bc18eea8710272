package channel

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"

	"golang.org/x/crypto/cryptobyte"
)

const hashSize = sha256.Size

// schedule derives the keys of a handshake without (EC)DHE.
//
// Source: RFC 8446, section 7.1.
type schedule struct {
	secret []byte
}

func extract(secret, salt []byte) []byte {
	out, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		panic(err) // of the hash, which is fixed
	}
	return out
}

func expandLabel(secret []byte, label string, context []byte, size int) []byte {
	var b cryptobyte.Builder
	b.AddUint16(uint16(size))
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(context) })
	out, err := hkdf.Expand(sha256.New, secret, string(b.BytesOrPanic()), size)
	if err != nil {
		panic(err)
	}
	return out
}

// derive is Derive-Secret.
func (s schedule) derive(label string, transcript []byte) []byte {
	sum := sha256.Sum256(transcript)
	return expandLabel(s.secret, label, sum[:], hashSize)
}

// early begins with the pre-shared key, and returns the binder key.
func (s *schedule) early(psk []byte) (binderKey []byte) {
	s.secret = extract(psk, make([]byte, hashSize))
	return s.derive("ext binder", nil)
}

// handshake goes on to the handshake's secrets.
func (s *schedule) handshake(transcript []byte) (client, server []byte) {
	s.next()
	return s.derive("c hs traffic", transcript), s.derive("s hs traffic", transcript)
}

// application goes on to the secrets of what follows the handshake, and ends the schedule.
func (s *schedule) application(transcript []byte) (client, server []byte) {
	s.next()
	client, server = s.derive("c ap traffic", transcript), s.derive("s ap traffic", transcript)
	s.secret = nil
	return client, server
}

func (s *schedule) next() {
	s.secret = extract(make([]byte, hashSize), s.derive("derived", nil))
}

// finishedMAC proves that its sender has the key and saw the same transcript.
func finishedMAC(base, transcript []byte) []byte {
	sum := sha256.Sum256(transcript)
	m := hmac.New(sha256.New, expandLabel(base, "finished", nil, hashSize))
	m.Write(sum[:])
	return m.Sum(nil)
}

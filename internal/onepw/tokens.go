package onepw

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// ErrBundle means that a response to account/keys was not made by the server that issued the
// key fetch token.
var ErrBundle = errors.New("the bundle of account keys is damaged or forged")

// HAWK holds the credentials to sign requests with, which are derived from a token: the ID in
// hex, and the raw key.
type HAWK struct {
	ID  string
	Key []byte
}

// SessionToken derives the HAWK credentials of a session token.
func SessionToken(token []byte) HAWK {
	d := derive(token, "sessionToken", 2*KeySize)
	return HAWK{ID: hex.EncodeToString(d[:KeySize]), Key: d[KeySize:]}
}

// PasswordChangeToken derives the HAWK credentials of a token from password/change/start.
func PasswordChangeToken(token []byte) HAWK {
	d := derive(token, "passwordChangeToken", 2*KeySize)
	return HAWK{ID: hex.EncodeToString(d[:KeySize]), Key: d[KeySize:]}
}

// AccountResetToken derives the HAWK credentials of a token that resets a forgotten password.
func AccountResetToken(token []byte) HAWK {
	d := derive(token, "accountResetToken", 2*KeySize)
	return HAWK{ID: hex.EncodeToString(d[:KeySize]), Key: d[KeySize:]}
}

// KeyFetch holds the keys of a key fetch token, which is valid for one GET of account/keys.
type KeyFetch struct {
	HAWK
	macKey []byte // over the bundle
	pad    []byte // kA and wrapKB are XORed with it
}

// KeyFetchToken derives the keys of a key fetch token.
func KeyFetchToken(token []byte) KeyFetch {
	d := derive(token, "keyFetchToken", 3*KeySize)
	r := derive(d[2*KeySize:], "account/keys", 3*KeySize)
	return KeyFetch{
		HAWK:   HAWK{ID: hex.EncodeToString(d[:KeySize]), Key: d[KeySize : 2*KeySize]},
		macKey: r[:KeySize],
		pad:    r[KeySize:],
	}
}

// Seal encrypts the two keys into the bundle that the server sends.
func (k KeyFetch) Seal(kA, wrapKB []byte) []byte {
	b := append(XOR(kA, k.pad[:KeySize]), XOR(wrapKB, k.pad[KeySize:])...)
	return append(b, k.mac(b)...)
}

// Open decrypts the bundle that [KeyFetch.Seal] made. The error is [ErrBundle].
func (k KeyFetch) Open(bundle []byte) (kA, wrapKB []byte, err error) {
	if len(bundle) != 3*KeySize || !hmac.Equal(bundle[2*KeySize:], k.mac(bundle[:2*KeySize])) {
		return nil, nil, ErrBundle
	}
	return XOR(bundle[:KeySize], k.pad[:KeySize]), XOR(bundle[KeySize:2*KeySize], k.pad[KeySize:]), nil
}

func (k KeyFetch) mac(b []byte) []byte {
	m := hmac.New(sha256.New, k.macKey)
	m.Write(b)
	return m.Sum(nil)
}

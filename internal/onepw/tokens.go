package onepw

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// ErrBundle means that an answer to account/keys was not made by the server that
// gave the key fetch token.
var ErrBundle = errors.New("the bundle of account keys is damaged or forged")

// HAWK is what a token gives to sign requests with: the id in hex, the raw key.
type HAWK struct {
	ID  string
	Key []byte
}

// SessionToken derives the HAWK credentials of a session token.
func SessionToken(token []byte) HAWK {
	d := derive(token, "sessionToken", 2*KeySize)
	return HAWK{ID: hex.EncodeToString(d[:KeySize]), Key: d[KeySize:]}
}

// PasswordChangeToken derives the HAWK credentials of the token that
// password/change/start gives.
func PasswordChangeToken(token []byte) HAWK {
	d := derive(token, "passwordChangeToken", 2*KeySize)
	return HAWK{ID: hex.EncodeToString(d[:KeySize]), Key: d[KeySize:]}
}

// AccountResetToken derives the HAWK credentials of the token that sets the
// password of an account whose old one is forgotten.
func AccountResetToken(token []byte) HAWK {
	d := derive(token, "accountResetToken", 2*KeySize)
	return HAWK{ID: hex.EncodeToString(d[:KeySize]), Key: d[KeySize:]}
}

// KeyFetch is a key fetch token: good for one GET of account/keys.
type KeyFetch struct {
	HAWK
	macKey []byte // over the bundle
	pad    []byte // kA and wrapKB are XORed with it
}

// KeyFetchToken derives what a key fetch token is good for.
func KeyFetchToken(token []byte) KeyFetch {
	d := derive(token, "keyFetchToken", 3*KeySize)
	r := derive(d[2*KeySize:], "account/keys", 3*KeySize)
	return KeyFetch{
		HAWK:   HAWK{ID: hex.EncodeToString(d[:KeySize]), Key: d[KeySize : 2*KeySize]},
		macKey: r[:KeySize],
		pad:    r[KeySize:],
	}
}

// Seal is the server's side: the bundle that carries the two keys.
func (k KeyFetch) Seal(kA, wrapKB []byte) []byte {
	b := append(XOR(kA, k.pad[:KeySize]), XOR(wrapKB, k.pad[KeySize:])...)
	return append(b, k.mac(b)...)
}

// Open is the client's side. The error is ErrBundle.
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

// Package sendtab encrypts the commands that the devices of an account send each other: to
// open a page, and to close pages. The accounts server forwards them and cannot read them.
//
// For each command that it accepts, a device publishes a key bundle in its availableCommands:
// a public key and a secret, encrypted with the account's sync key ([Publish]). A sender
// decrypts the bundle with the sync key, which only the account's devices have, and encrypts
// for the public key as Web Push does. The package does no I/O.
//
// Source: what Firefox ESR 153 sends and accepts.
package sendtab

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/seal"
)

// The commands, as availableCommands names them.
const (
	OpenURI  = "https://identity.mozilla.com/cmd/open-uri"
	CloseURI = "https://identity.mozilla.com/cmd/close-uri/v1"
)

// MaxCleartext is the maximum length of a message, in bytes. Firefox has the same limit.
const MaxCleartext = 16 << 10

var (
	// ErrBundle means that a device's key bundle was encrypted with another sync key, or is
	// malformed.
	ErrBundle = errors.New("the device's keys do not match this account's current key")
	// ErrMessage means that a message cannot be read.
	ErrMessage = errors.New("the message cannot be read")
	// ErrAddress means that an address is not that of a web page.
	ErrAddress = errors.New("only web pages, whose addresses begin with https: or http:, can be sent to another device")
	// ErrTooLong means that a message has more than [MaxCleartext] bytes.
	ErrTooLong = errors.New("too long to send to another device")
)

// base64url is the encoding of keys and messages.
var base64url = base64.RawURLEncoding

// SyncKey is the account's sync key, which only its devices have.
type SyncKey struct {
	// ID is its key ID: "<rotation>-<fingerprint>".
	ID string
	// Key is 64 bytes.
	Key []byte
}

// hexID returns the fingerprint as in bundles: in hex, without the rotation.
func (k SyncKey) hexID() (string, error) {
	_, fingerprint, _ := strings.Cut(k.ID, "-")
	raw, err := base64url.DecodeString(fingerprint)
	if err != nil || len(raw) == 0 {
		return "", fmt.Errorf("%w: the sync key's ID is malformed", ErrBundle)
	}
	return hex.EncodeToString(raw), nil
}

// published is the content of a bundle.
type published struct {
	PublicKey  string `json:"publicKey"`
	AuthSecret string `json:"authSecret"`
}

// Publish encrypts the public part of a device's keys for the account's other devices.
func Publish(k *ece.Keys, sync SyncKey, random io.Reader) (string, error) {
	kid, err := sync.hexID()
	if err != nil {
		return "", err
	}
	bundle, err := seal.SyncBundle(sync.Key)
	if err != nil {
		return "", err
	}
	clear, err := json.Marshal(published{base64url.EncodeToString(k.Public()), base64url.EncodeToString(k.Auth())})
	if err != nil {
		return "", err
	}
	sealed, err := bundle.Seal(nil, clear, random)
	if err != nil {
		return "", err
	}
	var out map[string]string
	if err := json.Unmarshal(sealed, &out); err != nil {
		return "", err
	}
	out["kid"] = kid
	b, err := json.Marshal(out)
	return string(b), err
}

// receiver decrypts the bundle that another device published.
func receiver(value string, sync SyncKey) (*ece.Receiver, error) {
	want, err := sync.hexID()
	if err != nil {
		return nil, err
	}
	var named struct {
		KID string `json:"kid"`
	}
	if err := json.Unmarshal([]byte(value), &named); err != nil || named.KID != want {
		return nil, ErrBundle
	}
	bundle, err := seal.SyncBundle(sync.Key)
	if err != nil {
		return nil, err
	}
	clear, err := bundle.Open(nil, []byte(value))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	var p published
	if err := json.Unmarshal(clear, &p); err != nil {
		return nil, ErrBundle
	}
	public, err1 := base64url.DecodeString(p.PublicKey)
	auth, err2 := base64url.DecodeString(p.AuthSecret)
	if err1 != nil || err2 != nil {
		return nil, ErrBundle
	}
	r, err := ece.NewReceiver(public, auth)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	return r, nil
}

// Payload is an encrypted message, as the accounts server forwards it.
type Payload struct {
	Encrypted string `json:"encrypted"`
}

// sealFor encrypts message, as JSON, for the device that published value.
func sealFor(value string, sync SyncKey, random io.Reader, message any) (Payload, error) {
	clear, err := json.Marshal(message)
	if err != nil {
		return Payload{}, err
	}
	if len(clear) > MaxCleartext {
		return Payload{}, ErrTooLong
	}
	r, err := receiver(value, sync)
	if err != nil {
		return Payload{}, err
	}
	sealed, err := r.Seal(clear, random)
	return Payload{base64url.EncodeToString(sealed)}, err
}

func open(p Payload, k *ece.Keys, into any) error {
	sealed, err := base64url.DecodeString(p.Encrypted)
	if err != nil {
		return ErrMessage
	}
	clear, err := k.Open(sealed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if err := json.Unmarshal(clear, into); err != nil {
		return fmt.Errorf("%w: it is malformed", ErrMessage)
	}
	return nil
}

package seal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Keys are what the crypto/keys record holds: the account's default bundle, and
// a bundle of their own for collections that have one.
type Keys struct {
	Default     *Bundle
	Collections map[string]*Bundle
}

// NewKeys returns a new default bundle, and no others; see [RandomBundle].
func NewKeys(random io.Reader) (Keys, error) {
	b, err := RandomBundle(random)
	return Keys{Default: b}, err
}

// For returns the bundle that seals the records of a collection: its own, or Default.
func (k Keys) For(collection string) *Bundle {
	if b, ok := k.Collections[collection]; ok {
		return b
	}
	return k.Default
}

// keysRecord is the cleartext of crypto/keys. A key pair is two base64 texts.
type keysRecord struct {
	ID          string              `json:"id"`
	Collection  string              `json:"collection"`
	Default     [][]byte            `json:"default"`
	Collections map[string][][]byte `json:"collections"`
}

// MarshalJSON is the cleartext of crypto/keys: secret.
func (k Keys) MarshalJSON() ([]byte, error) {
	r := keysRecord{ID: "keys", Collection: "crypto", Collections: map[string][][]byte{}}
	if k.Default != nil {
		r.Default = [][]byte{k.Default.enc[:], k.Default.mac[:]}
	}
	for name, b := range k.Collections {
		r.Collections[name] = [][]byte{b.enc[:], b.mac[:]}
	}
	return json.Marshal(r)
}

// UnmarshalJSON reads the cleartext of crypto/keys. Errors wrap ErrKey.
func (k *Keys) UnmarshalJSON(cleartext []byte) error {
	var r keysRecord
	if err := json.Unmarshal(cleartext, &r); err != nil {
		return fmt.Errorf("%w: crypto/keys has another form", ErrKey)
	}
	pair := func(p [][]byte) (*Bundle, error) {
		if len(p) != 2 {
			return nil, fmt.Errorf("%w: crypto/keys has something that is not a pair of keys", ErrKey)
		}
		return newBundle(p[0], p[1])
	}
	var out Keys
	var err error
	if out.Default, err = pair(r.Default); err != nil {
		return err
	}
	for name, p := range r.Collections {
		b, err := pair(p)
		if err != nil {
			return err
		}
		if out.Collections == nil {
			out.Collections = map[string]*Bundle{}
		}
		out.Collections[name] = b
	}
	*k = out
	return nil
}

// OpenKeys opens the payload of crypto/keys with the account's sync key. Errors
// wrap ErrHMAC, ErrPayload or ErrKey.
func OpenKeys(payload []byte, sync *Bundle) (Keys, error) {
	var k Keys
	clear, err := sync.Open(nil, payload)
	if err != nil {
		return k, err
	}
	err = k.UnmarshalJSON(clear)
	return k, err
}

// SealKeys returns the payload of crypto/keys, sealed with the account's sync key, for
// [OpenKeys]. It fails if k has no Default, or if random fails.
func SealKeys(k Keys, sync *Bundle, random io.Reader) ([]byte, error) {
	if k.Default == nil {
		return nil, errors.New("seal: no default keys")
	}
	clear, err := k.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return sync.Seal(nil, clear, random)
}

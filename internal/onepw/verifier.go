package onepw

import (
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/scrypt"
)

// DefaultCost is the scrypt cost of Mozilla's protocol, as a power of two: 64 MiB
// of memory and some 200 ms for each try.
const DefaultCost = 16

// Verifier is what a server derives from authPW and a salt of its own. Stolen
// with everything else the server stores, it lets nobody sign in or read data
// without trying passwords through scrypt and the client's stretching.
type Verifier struct {
	// Hash is stored, to compare with.
	Hash []byte
	// wrap is not stored: only authPW gives it.
	wrap []byte
}

// NewVerifier stretches authPW with a scrypt cost of 2^cost.
func NewVerifier(authPW, salt []byte, cost int) (Verifier, error) {
	big, err := scrypt.Key(authPW, salt, 1<<cost, 8, 1, KeySize)
	if err != nil {
		return Verifier{}, fmt.Errorf("stretch authPW: %w", err)
	}
	return Verifier{Hash: derive(big, "verifyHash", KeySize), wrap: derive(big, "wrapwrapKey", KeySize)}, nil
}

// Matches compares with a stored Hash in constant time.
func (v Verifier) Matches(hash []byte) bool {
	return len(hash) == KeySize && subtle.ConstantTimeCompare(v.Hash, hash) == 1
}

// Wrap turns wrapKB into the wrapWrapKB that is stored, and back.
func (v Verifier) Wrap(key []byte) []byte { return XOR(key, v.wrap) }

package onepw

import "crypto/subtle"

// Stretch is scrypt with N = 2^cost, r = 8 and p = 1. It says where the memory for it
// comes from.
type Stretch func(password, salt []byte, cost, keyLen int) ([]byte, error)

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
func NewVerifier(stretch Stretch, authPW, salt []byte, cost int) (Verifier, error) {
	big, err := stretch(authPW, salt, cost, KeySize)
	if err != nil {
		return Verifier{}, err
	}
	return Verifier{Hash: derive(big, "verifyHash", KeySize), wrap: derive(big, "wrapwrapKey", KeySize)}, nil
}

// Matches compares with a stored Hash in constant time.
func (v Verifier) Matches(hash []byte) bool {
	return len(hash) == KeySize && subtle.ConstantTimeCompare(v.Hash, hash) == 1
}

// Wrap turns wrapKB into the wrapWrapKB that is stored, and back.
func (v Verifier) Wrap(key []byte) []byte { return XOR(key, v.wrap) }

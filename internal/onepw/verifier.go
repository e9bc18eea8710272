package onepw

import "crypto/subtle"

// Stretch is scrypt with N = 2^cost, r = 8 and p = 1. Implementations differ in how they
// allocate memory.
type Stretch func(password, salt []byte, cost, keyLen int) ([]byte, error)

// Verifier is what a server derives from authPW and its own salt. An attacker who copies the
// server's data must still guess the password, and each guess takes scrypt and the client's
// stretching.
type Verifier struct {
	// Hash is stored, for [Verifier.Matches].
	Hash []byte
	// wrap is not stored: it can be derived from authPW only.
	wrap []byte
}

// NewVerifier stretches authPW with N = 2^cost.
func NewVerifier(stretch Stretch, authPW, salt []byte, cost int) (Verifier, error) {
	big, err := stretch(authPW, salt, cost, KeySize)
	if err != nil {
		return Verifier{}, err
	}
	return Verifier{Hash: derive(big, "verifyHash", KeySize), wrap: derive(big, "wrapwrapKey", KeySize)}, nil
}

// Matches compares Hash with a stored one, in constant time.
func (v Verifier) Matches(hash []byte) bool {
	return len(hash) == KeySize && subtle.ConstantTimeCompare(v.Hash, hash) == 1
}

// Wrap converts wrapKB to the wrapWrapKB that is stored, and back.
func (v Verifier) Wrap(key []byte) []byte { return XOR(key, v.wrap) }

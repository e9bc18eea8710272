package profile

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"strings"
)

// The characters of a generated password: each kind that sites ask for, without those
// that look alike (l, I, 1, O, 0) or that shells and forms change.
const (
	lower  = "abcdefghijkmnopqrstuvwxyz"
	upper  = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	digits = "23456789"
	marks  = "-_.:+=@!"
)

// generatedLength is enough for about 120 bits.
const generatedLength = 20

// GeneratePassword makes a random password with a character of each kind.
func GeneratePassword(random io.Reader) (string, error) {
	const all = lower + upper + digits + marks
	n := big.NewInt(int64(len(all)))
	for {
		var b strings.Builder
		for range generatedLength {
			i, err := rand.Int(random, n) //nolint:forbidigo // of the given randomness
			if err != nil {
				return "", fmt.Errorf("cannot make a password: %w", err)
			}
			b.WriteByte(all[i.Int64()])
		}
		// Drawing again, rather than replacing a character, keeps all passwords equally
		// likely.
		p := b.String()
		if strings.ContainsAny(p, lower) && strings.ContainsAny(p, upper) && strings.ContainsAny(p, digits) && strings.ContainsAny(p, marks) {
			return p, nil
		}
	}
}

// Package typed is the alphabet of codes that people type.
package typed

import (
	"encoding/base32"
	"strings"
)

// alphabet has no letter that is read as a digit, or as another letter.
var alphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// Write returns a code for random bytes.
func Write(raw []byte) string { return alphabet.EncodeToString(raw) }

// Read returns a code in its one form. The text may be in any case, with spaces and dashes, and
// with the letters that are read as digits.
func Read(code string) string {
	return strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
}

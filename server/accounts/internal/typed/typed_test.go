package typed

import (
	"strings"
	"testing"
)

// All ways to type a code give the same code.
func TestReadIsForgiving(t *testing.T) {
	t.Parallel()
	code := Write([]byte{0, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf})
	for _, spelling := range []string{
		code, strings.ToLower(code), code[:4] + "-" + code[4:8] + " " + code[8:],
		strings.NewReplacer("0", "o", "1", "l").Replace(code), strings.ReplaceAll(code, "1", "I"),
	} {
		if got := Read(spelling); got != code {
			t.Errorf("%q reads as %q, want %q", spelling, got, code)
		}
	}
}

package secondfactor

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

var secret = []byte("12345678901234567890")

// The vectors of RFC 6238, appendix B, by their last six digits.
func TestCodeAt(t *testing.T) {
	t.Parallel()
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := codeAt(secret, at/30); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

// A code is valid for its step and the adjacent ones, until it or a later one was used.
func TestMatch(t *testing.T) {
	t.Parallel()
	now := time.Unix(1234567890, 0)
	current := now.Unix() / 30
	for drift := int64(-2); drift <= 2; drift++ {
		var want int64
		if -1 <= drift && drift <= 1 {
			want = current + drift
		}
		if got := match(store.TOTP{Secret: secret}, codeAt(secret, current+drift), now); got != want {
			t.Errorf("%d steps off: %d, want %d", drift, got, want)
		}
	}
	for used, want := range map[int64]int64{current - 1: current, current: 0, current + 1: 0} {
		if got := match(store.TOTP{Secret: secret, UsedStep: used}, codeAt(secret, current), now); got != want {
			t.Errorf("after step %d: %d, want %d", used-current, got, want)
		}
	}
	if match(store.TOTP{Secret: secret}, " 005 924\t", now) != current {
		t.Error("spaces matter")
	}
	for _, code := range []string{"", "005923", "5924", "0059240"} {
		if match(store.TOTP{Secret: secret}, code, now) != 0 {
			t.Errorf("%q is right", code)
		}
	}
}

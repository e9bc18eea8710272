package keyring_test

import (
	"errors"
	"testing"

	zalando "github.com/zalando/go-keyring"

	"github.com/syncmanager/syncmanager/internal/keyring"
	"github.com/syncmanager/syncmanager/internal/localkey"
)

// TestSystemTellsWhatIsNotThere runs on the library's keyring in memory: a test must not
// write into the user's.
func TestSystemTellsWhatIsNotThere(t *testing.T) {
	zalando.MockInit()
	ring := keyring.System()
	if _, err := ring.Get("service", "account"); !errors.Is(err, localkey.ErrNotInRing) {
		t.Errorf("an empty keyring answers %v, want ErrNotInRing", err)
	}
	if err := ring.Set("service", "account", "secret"); err != nil {
		t.Fatal(err)
	}
	if got, err := ring.Get("service", "account"); err != nil || got != "secret" {
		t.Errorf("it has %q, %v", got, err)
	}
	broken := errors.New("it is locked")
	zalando.MockInitWithError(broken)
	if _, err := ring.Get("service", "account"); !errors.Is(err, broken) || errors.Is(err, localkey.ErrNotInRing) {
		t.Errorf("a locked keyring answers %v", err)
	}
}

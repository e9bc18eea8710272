package marionette

import (
	"context"
	"os"
	"testing"
)

const (
	// EnvWithout names the environment variable that skips tests which need a real Firefox. If
	// it is unset, a test that does not find one fails, so that tests are never skipped
	// unnoticed.
	EnvWithout = "SYNCMANAGER_WITHOUT_FIREFOX"
	// EnvBinary names the environment variable that says which Firefox to test with.
	EnvBinary = "SYNCMANAGER_FIREFOX"
)

// Require returns the Firefox to test with. It fails the test if there is none, or skips the
// test if EnvWithout is "1".
func Require(t testing.TB) (binary string) {
	t.Helper()
	if os.Getenv(EnvWithout) == "1" {
		t.Skipf("left out, as %s says: it needs a real Firefox", EnvWithout)
	}
	if binary = os.Getenv(EnvBinary); binary != "" {
		return binary
	}
	binary, err := Find()
	if err != nil {
		t.Fatalf("%v; install it (on Debian: apt-get install firefox-esr), name one with %s=PATH, or leave these tests out with %s=1",
			err, EnvBinary, EnvWithout)
	}
	return binary
}

// StartTest starts a Firefox that is killed, and its temporary profile removed,
// when the test ends.
func StartTest(t testing.TB, o Options) *Firefox {
	t.Helper()
	if o.Binary == "" {
		o.Binary = Require(t)
	}
	// Do not use the test's own context: it ends before the clean-ups run, which may still need
	// Firefox.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	f, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Kill)
	return f
}

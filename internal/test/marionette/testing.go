package marionette

import (
	"context"
	"os"
	"testing"
)

const (
	// EnvWithout names the environment variable that leaves out what needs a real
	// Firefox. Unset, a test that finds none fails: it is never left out in silence.
	EnvWithout = "SYNCMANAGER_WITHOUT_FIREFOX"
	// EnvBinary names the environment variable that says which Firefox to test with.
	EnvBinary = "SYNCMANAGER_FIREFOX"
)

// Require returns the Firefox to test with. It fails the test when there is none,
// or leaves the test out when EnvWithout is "1".
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
	// Not the test's own context: that ends before the clean-ups run, and they may
	// still want to talk to Firefox.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	f, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Kill)
	return f
}

// Package chromium starts a real, headless Chromium and drives it as a user would: it opens
// pages and presses keys, and reports what the page shows, what a screen reader says, and
// what the console logs.
//
// It is for the tests of the server's pages. Each Chromium has its own profile, can connect
// to the loopback interface only, and never outlives the process that started it. Names that
// end in ".test" resolve to 127.0.0.1, and others do not resolve.
package chromium

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"
)

const (
	// EnvWithout names the environment variable that skips tests which need a real Chromium. If
	// it is unset, a test that does not find one fails, so that tests are never skipped
	// unnoticed.
	EnvWithout = "SYNCMANAGER_WITHOUT_CHROMIUM"
	// EnvBinary names the environment variable that says which Chromium to test with.
	EnvBinary = "SYNCMANAGER_CHROMIUM"
)

// ErrNoChromium means that no Chromium is installed.
var ErrNoChromium = errors.New("no Chromium is installed (looked for chromium, google-chrome-stable and google-chrome)")

// candidates are the usual places, the best first: Debian's package, Google's, the usual
// folders of macOS and Windows.
var candidates = []string{
	"chromium", "google-chrome-stable", "google-chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	`C:\Program Files\Google\Chrome\Application\chrome.exe`,
}

// Find returns the path of the Chromium to start, or ErrNoChromium.
func Find() (string, error) {
	for _, name := range candidates {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoChromium
}

// require returns the Chromium to test with. It fails the test if there is none, or skips the
// test if EnvWithout is "1".
func require(t testing.TB) (binary string) {
	t.Helper()
	if os.Getenv(EnvWithout) == "1" {
		t.Skipf("left out, as %s says: it needs a real Chromium", EnvWithout)
	}
	if binary = os.Getenv(EnvBinary); binary != "" {
		return binary
	}
	binary, err := Find()
	if err != nil {
		t.Fatalf("%v; install it (on Debian: apt-get install chromium), name one with %s=PATH, or leave these tests out with %s=1",
			err, EnvBinary, EnvWithout)
	}
	return binary
}

// Browser is a running Chromium.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// Start starts a Chromium that is killed, and its profile removed, when the test
// ends.
func Start(t testing.TB) *Browser {
	t.Helper()
	home := t.TempDir()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(require(t)),
		chromedp.Env("HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home),
		chromedp.Flag("headless", "new"),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	// Do not use the test's own context: it ends before the clean-ups run.
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return &Browser{t, ctx}
}

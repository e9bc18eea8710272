package interop_test

import (
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestForgottenPasswordInFirefox: a recovery key, made on the settings page, sets
// a new password; Firefox signs in with that and reads what was there before.
func TestForgottenPasswordInFirefox(t *testing.T) {
	t.Parallel()
	var rec recorder
	w := testenv.ListenThrough(t, rec.wrap)
	d := w.Device("our device", ann)
	d.Add("https://ours.example", "ann", "made here")
	d.Sync()
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	check(t, p.Navigate(t.Context(), w.URL))
	p.enters(ann)
	p.types(onStep("password")+"input[type=password]", testenv.Password)
	p.click("#password-form button")
	p.click(onStep("settings") + "details:has(#recovery-form) summary")
	p.types("#recovery-form input[type=password]", testenv.Password)
	p.click("#recovery-form button")
	key, err := p.Text(t.Context(), "#recovery-new:not([hidden]) code")
	check(t, err)
	p.click("#signout-form button")

	const next = "another correct horse"
	p.opensSignIn()
	p.enters(ann)
	p.click(onStep("password") + "#forgot")
	p.types(onStep("key")+"[type=email]", ann)
	p.types("#key-form .key", strings.Replace(key, key[:4], "0000", 1))
	p.click("#key-form button")
	p.sees(wrong("key"), "No account with this address has this recovery key.")
	check(t, p.Clear(t.Context(), "#key-form .key"))
	p.types("#key-form .key", strings.ToLower(strings.ReplaceAll(key, "-", "")))
	p.click("#key-form button")
	p.types(onStep("new")+"label:nth-of-type(2) input", next)
	p.types("#new-form label:nth-of-type(3) input", next)
	p.click("#new-form button")
	p.click(onStep("done") + "#back") // and continue Firefox's sign-in where it was left
	p.enters(ann)
	p.types(onStep("password")+"input[type=password]", next)
	p.click("#password-form button")
	p.sees(onStep("done"), "You are signed in")
	syncFirefox(t, p.Firefox)
	agree(t, d, p.Firefox, map[string]string{"https://ours.example ann": "made here"})
	// The settings page shows that the key was used, until the user dismisses it.
	check(t, p.Navigate(t.Context(), w.URL+"/settings"))
	p.sees(onStep("settings")+"#notices:not([hidden]) .what", "Your recovery key was used")
	p.click("#notices button")
	p.sees("#settings:has(#notices[hidden]) h1", "Your account")
	check(t, p.Navigate(t.Context(), w.URL+"/settings"))
	p.sees("#settings:not([hidden]):has(#notices[hidden]) h1", "Your account")
	for _, secret := range []string{testenv.Password, next, key, strings.ReplaceAll(key, "-", "")} {
		rec.never(t, secret)
	}
}

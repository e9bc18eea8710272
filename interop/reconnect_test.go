package interop_test

import (
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestPasswordChangedElsewhere: at its next sync Firefox learns that it was signed out, and
// asks to sign in again. After that no data is lost.
func TestPasswordChangedElsewhere(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsUp(ann, testenv.Password)
	p.click(onStep("engines") + "form button")
	p.sees(onStep("done"), "You are signed in")
	addToFirefox(t, p.Firefox, "https://before.example", "ann", "before the change")
	syncFirefox(t, p.Firefox)

	const next = "another correct horse"
	elsewhere := person{t, firefoxsync.Start(t, firefoxsync.Options{})}
	check(t, elsewhere.Navigate(t.Context(), w.URL))
	elsewhere.enters(ann)
	elsewhere.types(onStep("password")+"input[type=password]", testenv.Password)
	elsewhere.click("#password-form button")
	elsewhere.click(onStep("settings") + "details:has(#change-form) summary")
	elsewhere.types("#change-form label:nth-of-type(2) input", testenv.Password)
	elsewhere.types("#change-form label:nth-of-type(3) input", next)
	elsewhere.types("#change-form label:nth-of-type(4) input", next)
	elsewhere.click("#change-form button")
	elsewhere.sees("#change-form [role=status]:not([hidden])", "The password is changed.")

	addToFirefox(t, p.Firefox, "https://after.example", "ann", "made while signed out")
	// Its storage token outlives the session, until Firefox asks for the next one.
	_, err := p.Chrome(t.Context(), `
		const { Weave } = ChromeUtils.importESModule("resource://services-sync/main.sys.mjs");
		const { getFxAccountsSingleton } = ChromeUtils.importESModule("resource://gre/modules/FxAccounts.sys.mjs");
		await getFxAccountsSingleton().checkAccountStatus();
		Weave.Service.identity.resetCredentials();`)
	check(t, err)
	if r, err := p.Sync(t.Context()); err == nil {
		t.Errorf("Firefox, signed out, synced: %+v", r)
	}
	check(t, p.Navigate(t.Context(), "about:preferences#sync"))
	p.click("#rejectReSignIn") // the page knows the account
	p.types(onStep("password")+"input[type=password]", next)
	p.click("#password-form button")
	p.sees(onStep("done"), "You are signed in")
	syncFirefox(t, p.Firefox)

	a, err := w.Client().Login(t.Context(), ann, next)
	check(t, err)
	check(t, a.SignOut(t.Context()))
	want := map[string]string{"https://before.example ann": "before the change", "https://after.example ann": "made while signed out"}
	for site, password := range loginsOf(t, p.Firefox) {
		if want[site] != password {
			t.Errorf("Firefox has %s: %s", site, password)
		}
		delete(want, site)
	}
	if len(want) != 0 {
		t.Errorf("Firefox lost %v", want)
	}
}

package interop_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// device is the entry of the settings page's list with this name.
func (p person) device(name string) string {
	p.t.Helper()
	return `#devices li:has(button[aria-label="Sign out ` + name + `"]) `
}

func (p person) signedIn() bool {
	p.t.Helper()
	raw, err := p.Chrome(p.t.Context(), `
		const { getFxAccountsSingleton } = ChromeUtils.importESModule("resource://gre/modules/FxAccounts.sys.mjs");
		return !!await getFxAccountsSingleton().getSignedInUser();`)
	check(p.t, err)
	return string(raw) == "true"
}

// TestSettingsInFirefox uses the settings page in a signed-in Firefox, up to the deletion of
// the account.
func TestSettingsInFirefox(t *testing.T) {
	t.Parallel()
	var rec recorder
	w := testenv.ListenThrough(t, rec.wrap)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsUp(ann, testenv.Password)
	p.click(onStep("engines") + "form button")
	p.sees(onStep("done"), "You are signed in")
	addToFirefox(t, p.Firefox, "https://theirs.example", "ann", "made in Firefox")
	syncFirefox(t, p.Firefox)
	d := w.Device("Ann's terminal", ann)
	d.Sync()

	check(t, p.Navigate(t.Context(), w.URL+"/settings"))
	p.sees(onStep("settings"), "Signed in as "+ann)
	p.sees(p.device("Ann's terminal"), "last here")

	p.click(p.device("Ann's terminal") + ".begin")
	check(t, p.Clear(t.Context(), p.device("Ann's terminal")+".rename input"))
	p.types(p.device("Ann's terminal")+".rename input", "Renamed")
	p.click(p.device("Ann's terminal") + ".rename button")
	p.sees(p.device("Renamed"), "last here")
	syncFirefox(t, p.Firefox)
	devices, err := p.Devices(t.Context())
	check(t, err)
	if !slices.ContainsFunc(devices, func(d firefoxsync.Device) bool { return d.Name == "Renamed" && !d.Current }) {
		t.Errorf("Firefox sees the devices %+v", devices)
	}

	// Our device is signed out from this page, and keeps its data.
	p.click(p.device("Renamed") + ".bad")
	p.sees("#devices:not(:has(li + li))", "this one")
	if _, err := d.Account.Devices(t.Context()); !errors.Is(err, account.ErrSignedOut) {
		t.Errorf("our device was signed out, and learns %v", err)
	}
	if len(d.Logins()) != 1 {
		t.Errorf("our device lost its passwords: %v", d.Logins())
	}

	// A new password is set: the Firefox that changed it stays signed in.
	const next = "another correct horse"
	p.click("details:has(#change-form) summary")
	p.types("#change-form label:nth-of-type(2) input", "not the password")
	p.types("#change-form label:nth-of-type(3) input", next)
	p.types("#change-form label:nth-of-type(4) input", next)
	p.click("#change-form button")
	p.sees("#change-form [role=alert]:not([hidden])", "The password is not right.")
	check(t, p.Clear(t.Context(), "#change-form label:nth-of-type(2) input"))
	p.types("#change-form label:nth-of-type(2) input", testenv.Password)
	p.click("#change-form button")
	p.sees("#change-form [role=status]:not([hidden])", "The password is changed.")
	addToFirefox(t, p.Firefox, "https://later.example", "ann", "after the change")
	// Its storage token ended with the old password. Firefox notices that after one or two
	// refusals, gets another token, and continues without asking the user.
	for tries := 1; ; tries++ {
		_, err := p.Sync(t.Context())
		if err == nil {
			break
		}
		if tries == 3 {
			t.Fatalf("after %d syncs with the new password: %v", tries, err)
		}
	}
	a, err := w.Client().Login(t.Context(), ann, next)
	check(t, err)
	check(t, a.SignOut(t.Context()))

	p.click("details:has(#delete-form) summary")
	p.types("#delete-form input[type=password]", next)
	p.click("#delete-form button")
	p.sees(onStep("gone"), "Your account is deleted")
	if p.signedIn() {
		t.Error("Firefox is still signed in to the account that is gone")
	}
	if len(loginsOf(t, p.Firefox)) != 2 {
		t.Errorf("Firefox lost its passwords: %v", loginsOf(t, p.Firefox))
	}
	rec.never(t, testenv.Password)
	rec.never(t, next)
}

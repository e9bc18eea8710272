package interop_test

import (
	"encoding/base64"
	"testing"

	"github.com/syncmanager/syncmanager/internal/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/testworld"
)

// firefox starts a real Firefox that is signed in to the account.
func firefox(t *testing.T, w *testworld.World, email string) *firefoxsync.Firefox {
	t.Helper()
	ff := firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})
	s := w.SignIn(email).Session()
	if _, err := ff.SignIn(t.Context(), firefoxsync.Account{
		UID: s.UID, Email: s.Email, SessionToken: s.Token, Key: base64.RawURLEncoding.EncodeToString(s.Key), KeyID: s.KeyID,
	}); err != nil {
		t.Fatal(err)
	}
	return ff
}

// sync has Firefox sync, and fails the test unless that went well.
func sync(t *testing.T, ff *firefoxsync.Firefox) firefoxsync.Result {
	t.Helper()
	r, err := ff.Sync(t.Context())
	if err != nil {
		t.Fatalf("Firefox's sync: %v", err)
	}
	return r
}

func TestOnePasswordToFirefoxAndBack(t *testing.T) {
	w := testworld.Listen(t)
	d := w.Device("our device", "ann@example.org")
	d.Add("https://ours.example", "ann", "made here")
	d.Sync()

	ff := firefox(t, w, "ann@example.org")
	sync(t, ff)
	logins, err := ff.Logins(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(logins) != 1 || logins[0].Password != "made here" {
		t.Fatalf("Firefox has %+v", logins)
	}
	site := "https://theirs.example"
	if _, err := ff.AddLogin(t.Context(), firefoxsync.Login{
		Origin: site, FormActionOrigin: &site, Username: "ann", Password: "made in Firefox",
	}); err != nil {
		t.Fatal(err)
	}
	sync(t, ff)
	d.Sync()
	if got := d.Logins(); got["https://theirs.example ann"] != "made in Firefox" || len(got) != 2 {
		t.Errorf("our device has %v", got)
	}
}

package interop_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// authenticator computes the code of an app with the key that the page showed, for a step
// counted from now.
func authenticator(t *testing.T, key string, steps int64) string {
	t.Helper()
	secret, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(key, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, secret)
	check(t, binary.Write(m, binary.BigEndian, time.Now().Unix()/30+steps))
	sum := m.Sum(nil)
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[sum[19]&15:])&(1<<31-1))%1_000_000)
}

// TestTwoStepInFirefox sets two-step sign-in up on the settings page, and signs
// Firefox in with a code.
func TestTwoStepInFirefox(t *testing.T) {
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
	p.click(onStep("settings") + "#two-step-begin button")
	p.types("#prove[open] input[type=password]", testenv.Password)
	p.click("#prove-form button")
	key, err := p.Text(t.Context(), "#two-step-form:not([hidden]) code")
	check(t, err)
	raw, err := p.Content(t.Context(), `const img = document.querySelector("#two-step-picture"); await img.decode(); return img.naturalWidth > 0;`)
	check(t, err)
	if string(raw) != "true" {
		t.Error("the QR code is not to be seen")
	}
	p.types("#two-step-form input", authenticator(t, key, 0))
	p.click("#two-step-form button")
	backup, err := p.Text(t.Context(), "#two-step-on:not([hidden]) li")
	check(t, err)
	p.click("#signout-form button")

	p.signsIn(ann, testenv.Password)
	p.types(onStep("code")+"input", "ABCD-EFGH-JKMN-PQRS")
	p.click("#code-form button")
	p.sees(wrong("code"), "That code is not right.")
	check(t, p.Clear(t.Context(), "#code input"))
	p.types("#code input", authenticator(t, key, 1)) // the code after the one that is used
	p.click("#code-form button")
	p.sees(onStep("done"), "You are signed in")
	syncFirefox(t, p.Firefox)
	agree(t, d, p.Firefox, map[string]string{"https://ours.example ann": "made here"})

	// The phone is lost.
	check(t, p.SignOut(t.Context()))
	p.signsIn(ann, testenv.Password)
	p.types(onStep("code")+"input", strings.ToLower(backup))
	p.click("#code-form button")
	p.sees(onStep("done"), "You are signed in")
	syncFirefox(t, p.Firefox)
	rec.never(t, testenv.Password)
}

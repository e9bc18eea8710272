package interop_test

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/mailtest"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/mail"
)

// serveByMail starts a server where sign-up is by e-mail, and its mail host.
func serveByMail(t *testing.T) (root string, host *mailtest.Host) {
	t.Helper()
	host, err := mailtest.Start(mailtest.Options{})
	check(t, err)
	t.Cleanup(host.Close)
	at, err := mail.ParseHost(host.URL)
	check(t, err)
	root, _ = serve(t, func(c *server.Config) {
		c.SignUp, c.Mail = accounts.SignUpEmail, &server.Mail{Host: at, From: "sync@example.org"}
	})
	return root, host
}

// codeFor returns the code in the next message, which must be for this address.
func codeFor(t *testing.T, host *mailtest.Host, email string) string {
	t.Helper()
	m, err := host.Next(t.Context())
	check(t, err)
	if m.To != email || m.Code() == "" {
		t.Errorf("what came is %+v", m)
	}
	return m.Code()
}

// TestConfirmationInFirefox signs up from Firefox's own settings where sign-up is
// by e-mail: with a wrong code, a new one, and then what syncs.
func TestConfirmationInFirefox(t *testing.T) {
	t.Parallel()
	root, host := serveByMail(t)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: root})}
	p.signsUp(ann, testenv.Password)
	p.sees(onStep("confirm"), "An e-mail with a code is on its way to "+ann)
	first := codeFor(t, host, ann)
	p.types(onStep("confirm")+"input", string('0'+(first[0]-'0'+1)%10)+first[1:])
	p.click("#confirm-form button")
	p.sees(wrong("confirm"), "That code is not right")
	p.click("#confirm-form button[value=again]")
	p.sees("#confirm-form [role=status]:not([hidden])", "A new code is on its way.")
	check(t, p.Clear(t.Context(), "#confirm-form input"))
	p.types("#confirm-form input", codeFor(t, host, ann))
	p.click("#confirm-form button")
	p.sees(onStep("engines"), "Choose what to sync")
	p.click("#engines-form button")
	p.sees(onStep("done"), "You are signed in")
	addToFirefox(t, p.Firefox, "https://theirs.example", "ann", "made in Firefox")
	syncFirefox(t, p.Firefox)

	c, err := account.New(account.Config{
		Server: root, Transport: http.DefaultTransport, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	check(t, err)
	a, err := c.Login(t.Context(), ann, testenv.Password)
	check(t, err)
	check(t, a.SignOut(t.Context()))
}

// TestConfirmationOnASmallScreen signs in to an account that waits for its code, by keyboard
// and 320 pixels wide; and the page reports a mail host that is down.
func TestConfirmationOnASmallScreen(t *testing.T) {
	t.Parallel()
	root, host := serveByMail(t)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Prefs: map[string]any{"accessibility.tabfocus": 7}})}
	_, err := p.Chrome(t.Context(), `
		const { style } = gBrowser.selectedBrowser;
		style.width = style.minWidth = style.maxWidth = "320px";`)
	check(t, err)
	check(t, p.Navigate(t.Context(), root))
	_, err = p.Chrome(t.Context(), `gBrowser.selectedBrowser.focus()`)
	check(t, err)
	p.sees(onStep("email"), "Sign in to sync")
	p.presses(ann + tab + tab + " ")
	p.sees(onStep("signup"), "Make an account")
	p.presses(testenv.Password + tab + testenv.Password + enter)
	p.sees(onStep("confirm"), "Confirm your address")
	p.fits("the confirmation")
	p.presses(codeFor(t, host, ann) + enter)
	p.sees(onStep("settings")+"h1:focus", "Your account")

	host.Close()
	check(t, p.Navigate(t.Context(), root))
	p.entersNewAddress("bob@example.org")
	p.types(onStep("signup")+"label:nth-of-type(2) input", testenv.Password)
	p.types("#signup label:nth-of-type(3) input", testenv.Password)
	p.click("#signup-form button")
	p.sees(wrong("signup"), "The e-mail with the code could not be sent; try again later.")
}

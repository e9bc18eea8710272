package account_test

import (
	"errors"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/test/mailtest"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/mail"
)

// Where sign-up is by e-mail a new account is made with the code that was sent to
// its address, at once or at a later sign-in.
func TestConfirmNewAccount(t *testing.T) {
	t.Parallel()
	host, err := mailtest.Start(mailtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	at, err := mail.ParseHost(host.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := newEnv(t, func(c *server.Config) {
		c.SignUp, c.Mail = accounts.SignUpEmail, &server.Mail{Host: at, From: "sync@example.org"}
	})
	sent := func() string {
		m, err := host.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return m.Code()
	}
	by := func(list ...func() string) *account.Client {
		return w.client(func(c *account.Config) { c.Code = codes(t, account.CodeEmail, list...) })
	}
	a, err := by(text("none"), sent).CreateAccount(t.Context(), email, password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.AccessToken(t.Context(), false); err != nil {
		t.Error(err)
	}
	// If the address already has an account, only its owner is told, by e-mail.
	_, err = by().CreateAccount(t.Context(), email, password)
	if needs, ok := errors.AsType[*account.NeedsCodeError](err); !ok || needs.Kind != account.CodeEmail {
		t.Errorf("made again: %v", err)
	}
	if code := sent(); code != "" {
		t.Errorf("made again, it gets the code %s", code)
	}

	const bob = "bob@example.org"
	_, err = by().CreateAccount(t.Context(), bob, password)
	if needs, ok := errors.AsType[*account.NeedsCodeError](err); !ok || needs.Kind != account.CodeEmail {
		t.Errorf("without the code: %v", err)
	}
	if _, err := by(sent).Login(t.Context(), bob, password); err != nil {
		t.Errorf("with the code, later: %v", err)
	}
	host.Close()
	if _, err := by().CreateAccount(t.Context(), "carol@example.org", password); !errors.Is(err, account.ErrNoMail) {
		t.Errorf("without a mail host: %v", err)
	}
}

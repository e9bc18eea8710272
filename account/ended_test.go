package account_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

// authPW is the password's proof, as a page makes it for a session's account.
func authPW(t *testing.T, s account.Session) string {
	t.Helper()
	v2, err := onepw.StretchV2(s.Kept().Salt, password)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(v2.AuthPW)
}

// changePassword does what the settings page does. It also makes another key, which does not
// matter here.
func (w *env) changePassword(a *account.Account, to string) {
	w.t.Helper()
	var begun struct {
		Token string `json:"passwordChangeToken"`
	}
	w.post(a, "/password/change/start", fmt.Sprintf(`{"email":%q,"oldAuthPW":%q}`, email, authPW(w.t, a.Session())), &begun)
	token, err := hex.DecodeString(begun.Token)
	if err != nil {
		w.t.Fatal(err)
	}
	fresh, err := onepw.NewCredentials(email, to, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := json.Marshal(fresh)
	if err != nil {
		w.t.Fatal(err)
	}
	w.postAs(onepw.PasswordChangeToken(token), "/password/change/finish", string(body), nil)
}

// The server refuses an ended session in the same way for every reason; the user is told the
// reason.
func TestWhyASessionEnded(t *testing.T) {
	t.Parallel()
	reasons := []error{account.ErrPasswordChanged, account.ErrAccountDeleted}
	for name, test := range map[string]struct {
		end  func(w *env, a, b *account.Account)
		want error
	}{
		"signed out elsewhere": {func(w *env, a, b *account.Account) {
			w.post(a, "/account/device/destroy", fmt.Sprintf(`{"id":%q}`, b.DeviceID()), nil)
		}, nil},
		"password changed": {func(w *env, a, _ *account.Account) { w.changePassword(a, "another") }, account.ErrPasswordChanged},
		"account deleted": {func(w *env, a, _ *account.Account) {
			w.post(a, "/account/destroy", fmt.Sprintf(`{"email":%q,"authPW":%q}`, email, authPW(w.t, a.Session())), nil)
		}, account.ErrAccountDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t, nil)
			a, b := w.create(), w.login()
			if err := b.RegisterDevice(t.Context(), "lap", "desktop"); err != nil {
				t.Fatal(err)
			}
			test.end(w, a, b)
			_, err := b.AccessToken(t.Context(), true)
			e, ok := errors.AsType[*account.Error](err)
			if !ok || !e.SignInAgain() || !errors.Is(err, account.ErrSignedOut) {
				t.Fatalf("%v, want one that says to sign in", err)
			}
			for _, r := range reasons {
				if errors.Is(err, r) != errors.Is(r, test.want) {
					t.Errorf("%v is %q: %v", err, r, errors.Is(err, r))
				}
			}
			if test.want != nil && !strings.Contains(err.Error(), test.want.Error()) {
				t.Errorf("it does not say why: %v", err)
			}
			before := b.Requests()
			if _, err := b.Devices(t.Context()); !errors.Is(err, account.ErrSignedOut) || b.Requests() != before+1 {
				t.Errorf("asked again: %d requests, %v", b.Requests()-before, err)
			}
			if err := b.SignOut(t.Context()); err != nil {
				t.Errorf("leaving: %v", err)
			}
		})
	}
}

// Without a reason from the server, the error does not claim one.
func TestWhyASessionEndedIsUnknown(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b := w.create(), w.login()
	w.changePassword(a, "another")
	c := w.client(func(c *account.Config) {
		c.Transport = tamper(w.server.Handler(), "/account/status", func([]byte) []byte { return bytes.Repeat([]byte("?"), 9) })
	}).Resume(b.Session())
	if _, err := c.Devices(t.Context()); !errors.Is(err, account.ErrSignedOut) || errors.Is(err, account.ErrPasswordChanged) {
		t.Errorf("%v, want ErrSignedOut alone", err)
	}
}

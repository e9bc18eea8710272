package accounts_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// A disabled account cannot be opened by its password or its recovery key, and its password
// stays the same.
func TestDisabledAccount(t *testing.T) {
	t.Parallel()
	disabled := false
	w := newEnv(t, func(c *accounts.Config) {
		c.Disabled = func(context.Context, string) (bool, error) { return disabled, nil }
	})
	session := w.signUp(email)
	w.keepRecoveryKey(w.session(session))
	u, err := w.User(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	disabled = true
	if err := w.SignOut(t.Context(), u.UID); err != nil {
		t.Fatal(err)
	}
	w.get("/auth/v1/session/status", w.session(session)).refused(401, 110)
	w.signIn(email, password).refused(400, 121)
	w.signIn(email, "wrong").refused(400, 103)
	w.post("/auth/v1/account/destroy", nil, map[string]any{"email": email, "authPW": authPW(email, password)}).refused(400, 121)
	if start := w.recover(email, recoveryID, ""); start.Code == 200 {
		reset := w.hawk(onepw.AccountResetToken(w.raw(start.text("accountResetToken"))))
		by, err := onepw.NewCredentials(email, "a new password", rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		w.post("/auth/v1/account/reset", reset, by).refused(400, 121)
	}
	disabled = false
	w.signIn(email, password).ok()
}

// An operator's new user signs in with the password that the operator chose, and
// has the same keys at each sign-in.
func TestAddUser(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *accounts.Config) { c.SignUp = accounts.SignUpClosed })
	by, err := onepw.NewCredentials(email, password, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddUser(t.Context(), email, accounts.Credentials(by)); err != nil {
		t.Fatal(err)
	}
	first, second := w.signIn(email, password), w.signIn(email, password)
	if a, b := w.kB(first.text("keyFetchToken"), password), w.kB(second.text("keyFetchToken"), password); a != b {
		t.Errorf("kB is %s and %s", a, b)
	}
	if _, err := w.AddUser(t.Context(), "ALICE@example.org", accounts.Credentials(by)); !errors.Is(err, accounts.ErrUserExists) {
		t.Errorf("added twice: %v", err)
	}
	if _, err := w.User(t.Context(), "nobody@example.org"); !errors.Is(err, accounts.ErrNoUser) {
		t.Errorf("a user who is none: %v", err)
	}
	if u, err := w.User(t.Context(), first.text("uid")); err != nil || u.Email != email || u.Devices != 0 || u.Seen.IsZero() {
		t.Errorf("%+v, %v", u, err)
	}
}

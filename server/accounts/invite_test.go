package accounts_test

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/accounts"
)

func byInvitation(c *accounts.Config) { c.SignUp = accounts.SignUpInvite }

func (w *env) invite() string {
	w.t.Helper()
	code, expires, err := w.Invite(w.t.Context(), "for Bob", time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	if !expires.Equal(w.clock.Now().Add(time.Hour)) {
		w.t.Errorf("it expires %v", expires)
	}
	return code
}

func (w *env) signUpBy(invitation, email string) answer {
	w.t.Helper()
	return w.post("/auth/v1/account/create", nil, map[string]any{"email": email, "authPW": authPW(email, password), "invitation": invitation})
}

// An invitation creates one account, in each way that its code may be typed.
func TestInvitation(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, byInvitation)
	w.signUpBy("", email).refused(403, 202)
	w.signUpBy("0000-0000-0000-0000", email).refused(403, 202)
	code := w.invite()
	w.signUpBy(strings.ReplaceAll(strings.ToLower(code), "-", " "), email).ok()
	w.signIn(email, password).ok()
	w.signUpBy(code, "second@example.org").refused(403, 202)
	if strings.Contains(w.stored(os.ReadFile), code) {
		t.Error("the code is in the database")
	}
}

// A failed attempt does not consume it, and it expires.
func TestInvitationIsKept(t *testing.T) {
	t.Parallel()
	w := newEnv(t, byInvitation)
	w.signUpBy(w.invite(), email).ok()
	code := w.invite()
	w.signUpBy(code, email).refused(400, 101)
	w.clock.Pass(time.Hour - time.Second)
	if err := w.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.signUpBy(code, "bob@example.org").ok()
	late := w.invite()
	w.clock.Pass(time.Hour)
	w.signUpBy(late, "carol@example.org").refused(403, 202)
	if err := w.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.signUpBy(late, "carol@example.org").refused(403, 202)
}

func TestInvitationAtOnce(t *testing.T) {
	t.Parallel()
	w := newEnv(t, byInvitation)
	code := w.invite()
	var made atomic.Int32
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		all.Go(func() {
			if w.signUpBy(code, name+"@example.org").Code == 200 {
				made.Add(1)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("one invitation made %d accounts", made.Load())
	}
}

func TestSignUpPolicies(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]accounts.SignUp{
		"": accounts.SignUpOpen, "open": accounts.SignUpOpen, "invite": accounts.SignUpInvite, "closed": accounts.SignUpClosed,
	} {
		if got, err := accounts.ParseSignUp(name); got != want || err != nil {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	if _, err := accounts.ParseSignUp("clsoed"); err == nil {
		t.Error("a policy that is none is taken")
	}
	w := newEnv(t, func(c *accounts.Config) { c.SignUp = accounts.SignUpClosed })
	w.signUpBy(w.invite(), email).refused(403, 202)
}

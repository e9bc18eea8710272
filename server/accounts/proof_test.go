package accounts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// opening are the requests that change what opens or closes an account.
func (w *env) opening(s signer) map[string]answer {
	w.t.Helper()
	return map[string]answer{
		"make a recovery key":   w.storeRecoveryKey(s),
		"remove a recovery key": w.do("DELETE", "/auth/v1/recoveryKey", s, nil),
		"begin two-step":        w.post("/auth/v1/totp/create", s, nil),
		"end two-step":          w.post("/auth/v1/totp/destroy", s, nil),
		"new backup codes":      w.get("/auth/v1/recoveryCodes", s),
	}
}

// A stolen session cannot change what opens or closes an account, however the session was
// created; nor can it with the proof of another session, or with an old proof.
func TestSessionAloneOpensNothing(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	stolen := w.session(w.signUp(email))
	signedIn := w.session(w.signIn(email, password).text("sessionToken"))
	proved := w.session(w.signIn(email, password).text("sessionToken"))
	w.prove(proved)
	copied := w.session(w.post("/auth/v1/session/duplicate", proved, nil).text("sessionToken"))
	for name, s := range map[string]signer{"a session": stolen, "a sign-in": signedIn, "a copy of one that proved it": copied} {
		for what, a := range w.opening(s) {
			if f := a.refused(401, 164); f["verificationMethod"] != "password" {
				t.Errorf("%s, to %s, is asked for %v", name, what, f)
			}
		}
	}
	w.keepRecoveryKey(proved)
	w.post("/auth/v1/account/destroy", stolen, map[string]any{"email": email}).refused(400, 108)
	w.post("/auth/v1/password/change/start", stolen, map[string]any{"email": email}).refused(400, 108)
	w.recover(email, recoveryID, "").ok()

	// The proof is good for a few minutes.
	w.clock.Pass(5 * time.Minute)
	for _, a := range w.opening(proved) {
		a.refused(401, 164)
	}
}

// The password of another account proves nothing.
func TestProofOfAnotherAccount(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	w.signUp("bob@example.org")
	w.post("/auth/v1/session/reauth", s, map[string]any{"email": "bob@example.org", "authPW": authPW("bob@example.org", password)}).refused(401, 110)
	w.post("/auth/v1/session/reauth", s, map[string]any{"email": email, "authPW": authPW(email, "wrong")}).refused(400, 103)
	for _, a := range w.opening(s) {
		a.refused(401, 164)
	}
}

// The first code of a new secret needs the proof as well: a stolen session cannot finish a
// setup that its owner started.
func TestTwoStepIsTurnedOnByItsOwner(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	w.prove(s)
	secret := w.post("/auth/v1/totp/create", s, nil).text("secret")
	stolen := w.session(w.signIn(email, password).text("sessionToken"))
	code := map[string]any{"code": otp(t, secret, w.clock.Now())}
	w.post("/auth/v1/session/verify/totp", stolen, code).refused(401, 164)
	if w.signIn(email, password).ok()["verified"] != true {
		t.Fatal("a session alone turned two-step sign-in on")
	}
	if w.post("/auth/v1/session/verify/totp", s, code).ok()["success"] != true {
		t.Error("its owner cannot turn it on")
	}
}

// Where there is a second step, the proof needs it again too.
func TestProofWithTwoStep(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	secret, backup := w.twoStep(s)
	w.clock.Pass(5 * time.Minute)
	again := w.post("/auth/v1/session/reauth", s, map[string]any{"email": email, "authPW": authPW(email, password)})
	if f := again.ok(); f["verificationMethod"] != "totp-2fa" {
		t.Errorf("after the password it asks for %v", f)
	}
	for what, a := range w.opening(s) {
		if f := a.refused(401, 164); f["verificationMethod"] != "totp-2fa" {
			t.Errorf("to %s it asks for %v", what, f)
		}
	}
	body := map[string]any{"email": email, "authPW": authPW(email, password)}
	w.post("/auth/v1/account/destroy", s, body).refused(401, 164)
	w.post("/auth/v1/account/destroy", nil, body).refused(400, 138)
	w.post("/auth/v1/password/change/start", s, map[string]any{"email": email, "oldAuthPW": authPW(email, password)}).refused(401, 164)
	w.post("/auth/v1/session/verify/recoveryCode", s, map[string]any{"code": backup[0]}).ok()
	w.storeRecoveryKey(s).ok()

	w.clock.Pass(5 * time.Minute)
	if !w.verify(s, otp(t, secret, w.clock.Now())) {
		t.Fatal("the code is refused")
	}
	w.storeRecoveryKey(s).refused(401, 164) // the password was shown too long ago
	w.prove(s)
	w.storeRecoveryKey(s).ok()
	w.post("/auth/v1/password/change/start", s, map[string]any{"email": email, "oldAuthPW": authPW(email, password)}).ok()
	w.post("/auth/v1/totp/destroy", s, nil).ok()
}

// setPassword changes the password with a session, or without one, and returns the answer.
func (w *env) setPassword(s signer, before, after string) answer {
	w.t.Helper()
	started := w.post("/auth/v1/password/change/start", s, map[string]any{"email": email, "oldAuthPW": authPW(email, before)})
	return w.finishPassword(started, after)
}

func (w *env) finishPassword(started answer, after string) answer {
	w.t.Helper()
	change := w.hawk(onepw.PasswordChangeToken(w.raw(started.text("passwordChangeToken"))))
	return w.post("/auth/v1/password/change/finish", change, map[string]any{"authPW": authPW(email, after), "wrapKb": strings.Repeat("22", 32)})
}

// A new password removes the recovery key of any creator, and the owner is notified.
func TestNewPasswordEndsTheRecoveryKey(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.keepRecoveryKey(w.session(w.signUp(email)))
	if f := w.setPassword(nil, password, "another").ok(); f["recoveryKeyEnded"] != true {
		t.Errorf("the owner is told %v", f)
	}
	w.recover(email, recoveryID, "").refused(400, 158)
	if f := w.setPassword(nil, "another", "a third").ok(); f["recoveryKeyEnded"] != nil {
		t.Errorf("without a key the owner is told %v", f)
	}
}

// A user who sets a new password with the second step keeps that step, and gets new backup
// codes. A second step that was turned on meanwhile ends.
func TestNewPasswordAndTwoStep(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	_, backup := w.twoStep(s)
	f := w.setPassword(s, password, "another").ok()
	codes, _ := f["recoveryCodes"].([]any)
	if len(codes) != 8 || f["twoStepEnded"] != nil || w.signIn(email, "another").ok()["verified"] != false {
		t.Fatalf("the owner is told %v", f)
	}
	waiting := w.session(w.signIn(email, "another").text("sessionToken"))
	w.post("/auth/v1/session/verify/recoveryCode", waiting, map[string]any{"code": backup[0]}).refused(400, 156)
	w.post("/auth/v1/session/verify/recoveryCode", waiting, map[string]any{"code": codes[0]}).ok()

	w = newEnv(t, nil)
	thief := w.session(w.signUp(email))
	started := w.post("/auth/v1/password/change/start", nil, map[string]any{"email": email, "oldAuthPW": authPW(email, password)})
	w.twoStep(thief)
	if f := w.finishPassword(started, "another").ok(); f["twoStepEnded"] != true {
		t.Errorf("the owner is told %v", f)
	}
	if w.signIn(email, "another").ok()["verified"] != true {
		t.Error("the thief's second step keeps the owner out")
	}
}

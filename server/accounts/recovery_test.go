package accounts_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

var (
	recoveryID   = strings.Repeat("0a", 16)
	recoveryData = "sealed by a page"
)

func (w *env) keepRecoveryKey(s signer) {
	w.t.Helper()
	w.prove(s)
	w.storeRecoveryKey(s).ok()
}

func (w *env) storeRecoveryKey(s signer) answer {
	w.t.Helper()
	return w.post("/auth/v1/recoveryKey", s, map[string]any{"recoveryKeyId": recoveryID, "recoveryData": recoveryData, "replaceKey": true})
}

func (w *env) recover(email, id, code string) answer {
	w.t.Helper()
	return w.post("/auth/v1/recoveryKey/start", nil, map[string]any{"email": email, "recoveryKeyId": id, "code": code})
}

// A forgotten password is replaced by the recovery key, and kB stays.
func TestRecovery(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	kB, err := hex.DecodeString(w.kB(w.signIn(email, password).text("keyFetchToken"), password))
	if err != nil {
		t.Fatal(err)
	}
	exists := func(s signer) any { return w.post("/auth/v1/recoveryKey/exists", s, nil).ok()["exists"] }
	if exists(s) != false {
		t.Error("there is a recovery key before there is one")
	}
	w.keepRecoveryKey(s)
	if exists(s) != true || strings.Contains(w.stored(os.ReadFile), recoveryID) {
		t.Error("the recovery key is not kept, or as it is")
	}
	out := w.recover(strings.ToUpper(email), recoveryID, "")
	if f := out.ok(); f["recoveryData"] != recoveryData || f["email"] != email {
		t.Errorf("the recovery begins with %v", f)
	}
	reset := w.hawk(onepw.AccountResetToken(w.raw(out.text("accountResetToken"))))
	const next = "a new password"
	stretched := onepw.StretchV1(email, next)
	credentials := map[string]any{"authPW": hex.EncodeToString(stretched.AuthPW), "wrapKb": hex.EncodeToString(onepw.XOR(kB, stretched.UnwrapBKey))}
	w.post("/auth/v1/account/reset", reset, map[string]any{"authPW": credentials["authPW"]}).refused(400, 108)
	fresh := w.session(w.post("/auth/v1/account/reset", reset, credentials).text("sessionToken"))
	w.post("/auth/v1/account/reset", reset, credentials).refused(401, 110)
	w.get("/auth/v1/session/status", s).refused(401, 110)
	w.signIn(email, password).refused(400, 103)
	if got := w.kB(w.signIn(email, next).text("keyFetchToken"), next); got != hex.EncodeToString(kB) {
		t.Error("the account has another key now")
	}
	if exists(fresh) != false {
		t.Error("the recovery key is good again")
	}
	w.recover(email, recoveryID, "").refused(400, 158)

	// The settings page shows the use of the key to the user.
	told := w.get("/auth/v1/account/notices", fresh).list()
	if len(told) != 1 || told[0]["kind"] != "recoveryKeyUsed" {
		t.Fatalf("the notices are %v", told)
	}
	if others := w.get("/auth/v1/account/notices", w.session(w.signUp("other@example.org"))).list(); len(others) != 0 {
		t.Errorf("another account has the notices %v", others)
	}
	dismiss := func(n map[string]any) { w.post("/auth/v1/account/notice/dismiss", fresh, n).ok() }
	dismiss(map[string]any{"kind": told[0]["kind"], "at": told[0]["at"].(float64) - 1})
	if left := w.get("/auth/v1/account/notices", fresh).list(); len(left) != 1 {
		t.Errorf("who had read an earlier one only has %v", left)
	}
	dismiss(told[0])
	if left := w.get("/auth/v1/account/notices", fresh).list(); len(left) != 0 {
		t.Errorf("dismissed, there are %v", left)
	}
	w.post("/auth/v1/account/notice/dismiss", fresh, map[string]any{}).refused(400, 108)
}

// Without the key the answer says nothing about the account, and tries are limited.
func TestRecoveryRefuses(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	wrong := strings.Repeat("0b", 16)
	without := w.recover(email, wrong, "").refused(400, 158)
	w.keepRecoveryKey(s)
	for name, got := range map[string]map[string]any{
		"a wrong key": w.recover(email, wrong, "").refused(400, 158), "a stranger": w.recover("nobody@example.org", wrong, "").refused(400, 158),
	} {
		if len(got) != len(without) || got["message"] != without["message"] {
			t.Errorf("%s is told %v, and not %v", name, got, without)
		}
	}
	w.recover(email, "xx", "").refused(400, 107)
	bob := w.session(w.signUp("bob@example.org"))
	w.prove(bob)
	w.post("/auth/v1/recoveryKey", s, map[string]any{"recoveryKeyId": wrong, "recoveryData": "x"}).refused(400, 161)
	w.post("/auth/v1/recoveryKey", s, map[string]any{"recoveryKeyId": "xx", "recoveryData": "x"}).refused(400, 107)
	w.post("/auth/v1/recoveryKey", s, map[string]any{"recoveryKeyId": wrong}).refused(400, 108)
	w.post("/auth/v1/recoveryKey", s, map[string]any{"recoveryKeyId": wrong, "recoveryData": strings.Repeat("x", 1025)}).refused(400, 107)
	w.do("DELETE", "/auth/v1/recoveryKey", bob, nil).ok()
	w.recover(email, recoveryID, "").ok()
	w.post("/auth/v1/recoveryKey", s, map[string]any{"recoveryKeyId": wrong, "recoveryData": "x", "replaceKey": true}).ok()
	w.recover(email, recoveryID, "").refused(400, 158)
	w.do("DELETE", "/auth/v1/recoveryKey", s, nil).ok()
	for range 10 {
		w.recover(email, wrong, "")
	}
	w.recover(email, wrong, "").refused(429, 114)
}

// The recovery key replaces the password, not the second step.
func TestRecoveryWithTwoStep(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	secret, backup := w.twoStep(s)
	w.keepRecoveryKey(s)
	if f := w.recover(email, recoveryID, "").refused(400, 138); f["verificationMethod"] != "totp-2fa" || f["recoveryData"] != nil {
		t.Errorf("it asks with %v", f)
	}
	w.recover(email, recoveryID, "000000").refused(400, 183)
	w.recover(email, recoveryID, otp(t, secret, w.clock.Now())).text("accountResetToken")
	w.recover(email, recoveryID, otp(t, secret, w.clock.Now())).refused(400, 183)
	w.recover(email, recoveryID, backup[0]).text("accountResetToken")
	w.recover(email, recoveryID, backup[0]).refused(400, 183)
}

// The token that sets the password is good for an hour.
func TestRecoveryTakesTooLong(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.keepRecoveryKey(w.session(w.signUp(email)))
	reset := w.hawk(onepw.AccountResetToken(w.raw(w.recover(email, recoveryID, "").text("accountResetToken"))))
	w.clock.Pass(time.Hour + time.Second)
	w.post("/auth/v1/account/reset", reset, map[string]any{}).refused(401, 110)
}

// A client that shows the password again gets the keys again, but only those of the session's
// account.
func TestReauthenticate(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	again := func(s signer, password string) answer {
		return w.post("/auth/v1/session/reauth?keys=true", s, map[string]any{"email": email, "authPW": authPW(email, password)})
	}
	if w.kB(again(s, password).text("keyFetchToken"), password) != w.kB(w.signIn(email, password).text("keyFetchToken"), password) {
		t.Error("the keys are others")
	}
	again(s, "wrong").refused(400, 103)
	again(w.session(w.signUp("bob@example.org")), password).refused(401, 110)
	again(nil, password).refused(401, 110)
}

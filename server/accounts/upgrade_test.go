package accounts_test

import (
	"encoding/hex"
	"testing"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// A password that was stretched by version 1 gets version 2 beside it: the same
// key, the same sessions, both ways in.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	kB, err := hex.DecodeString(w.kB(w.signIn(email, password).text("keyFetchToken"), password))
	if err != nil {
		t.Fatal(err)
	}
	salt := onepw.ClientSalt([16]byte{7})
	v1 := onepw.StretchV1(email, password)
	v2, err := onepw.StretchV2(salt, password)
	if err != nil {
		t.Fatal(err)
	}
	finish := func(wrapKB []byte) answer {
		started := w.post("/auth/v1/password/change/start", s, map[string]any{"email": email, "oldAuthPW": hex.EncodeToString(v1.AuthPW)})
		return w.post("/auth/v1/password/change/finish", w.hawk(onepw.PasswordChangeToken(w.raw(started.text("passwordChangeToken")))), map[string]any{
			"authPW": hex.EncodeToString(v1.AuthPW), "wrapKb": hex.EncodeToString(wrapKB),
			"authPWVersion2": hex.EncodeToString(v2.AuthPW), "wrapKbVersion2": hex.EncodeToString(onepw.XOR(kB, v2.UnwrapBKey)), "clientSalt": salt,
		})
	}
	if f := finish(onepw.XOR(kB, v1.UnwrapBKey)).ok(); f["sessionToken"] != nil {
		t.Error("an upgrade makes a session")
	}
	w.get("/auth/v1/session/status", s).ok()
	if f := w.post("/auth/v1/account/credentials/status", nil, map[string]any{"email": email}).ok(); f["clientSalt"] != salt {
		t.Errorf("the account is %v", f)
	}
	in := w.post("/auth/v1/account/login?keys=true", nil, map[string]any{"email": email, "authPW": hex.EncodeToString(v2.AuthPW)})
	if got := w.unwrapped(in.text("keyFetchTokenVersion2"), v2.UnwrapBKey); got != hex.EncodeToString(kB) {
		t.Errorf("by version 2 the key is %s", got)
	}
	if w.kB(w.signIn(email, password).text("keyFetchToken"), password) != hex.EncodeToString(kB) {
		t.Error("version 1 has another key now")
	}
	// A password that is upgraded already is set again, like any other.
	finish(onepw.XOR(kB, v1.UnwrapBKey)).text("sessionToken")
	w.get("/auth/v1/session/status", s).refused(401, 110)
}

// The same password around another key is a new password.
func TestUpgradeKeepsTheKey(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	started := w.post("/auth/v1/password/change/start", s, map[string]any{"email": email, "oldAuthPW": authPW(email, password)})
	zero := hex.EncodeToString(make([]byte, 32))
	w.post("/auth/v1/password/change/finish", w.hawk(onepw.PasswordChangeToken(w.raw(started.text("passwordChangeToken")))), map[string]any{
		"authPW": authPW(email, password), "wrapKb": zero, "authPWVersion2": zero, "wrapKbVersion2": zero, "clientSalt": onepw.ClientSalt([16]byte{7}),
	}).text("sessionToken")
	w.get("/auth/v1/session/status", s).refused(401, 110)
}

package accounts_test

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// both has the two stretchings of one password, and the parameters that set it around a kB.
type both struct {
	v1, v2 onepw.Stretched
	body   map[string]any
}

func stretchBoth(t *testing.T, password string, kB []byte) both {
	t.Helper()
	salt := onepw.ClientSalt([16]byte{7})
	v2, err := onepw.StretchV2(salt, password)
	if err != nil {
		t.Fatal(err)
	}
	v1 := onepw.StretchV1(email, password)
	return both{v1, v2, map[string]any{
		"email": email, "authPW": hex.EncodeToString(v1.AuthPW), "wrapKb": hex.EncodeToString(onepw.XOR(kB, v1.UnwrapBKey)),
		"authPWVersion2": hex.EncodeToString(v2.AuthPW), "wrapKbVersion2": hex.EncodeToString(onepw.XOR(kB, v2.UnwrapBKey)), "clientSalt": salt,
	}}
}

// fetches checks that an answer has just these key fetch tokens, and that each
// fetches kB.
func (w *env) fetches(a answer, kB []byte, unwrapBy map[string][]byte) {
	w.t.Helper()
	var names []string
	for name := range a.ok() {
		if strings.HasPrefix(name, "keyFetchToken") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if want := slices.Sorted(maps.Keys(unwrapBy)); !slices.Equal(names, want) {
		w.t.Fatalf("%s: the tokens are %v, want %v", a.what, names, want)
	}
	for name, key := range unwrapBy {
		if got := w.unwrapped(a.text(name), key); got != hex.EncodeToString(kB) {
			w.t.Errorf("%s: by %s the key is %s", a.what, name, got)
		}
	}
}

// A key fetch token is named for the version of the stretching that opens what it
// fetches, as Mozilla's clients and PyFxA read it.
//
// Source: Mozilla's accounts server, and PyFxA 0.9.
func TestKeyFetchTokens(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	kB := []byte(strings.Repeat("k", 32))
	p := stretchBoth(t, password, kB)
	made := w.post("/auth/v1/account/create?keys=true", nil, p.body)
	w.fetches(made, kB, map[string][]byte{"keyFetchToken": p.v1.UnwrapBKey, "keyFetchTokenVersion2": p.v2.UnwrapBKey})
	s := w.session(made.text("sessionToken"))

	show := func(authPW []byte) map[string]any {
		return map[string]any{"email": email, "authPW": hex.EncodeToString(authPW)}
	}
	for _, path := range []string{"/account/login", "/session/reauth"} {
		w.fetches(w.post("/auth/v1"+path+"?keys=true", s, show(p.v1.AuthPW)), kB, map[string][]byte{"keyFetchToken": p.v1.UnwrapBKey})
		w.fetches(w.post("/auth/v1"+path+"?keys=true", s, show(p.v2.AuthPW)), kB, map[string][]byte{"keyFetchTokenVersion2": p.v2.UnwrapBKey})
		w.fetches(w.post("/auth/v1"+path, s, show(p.v2.AuthPW)), kB, nil)
	}
	start := func(authPW []byte) answer {
		t.Helper()
		return w.post("/auth/v1/password/change/start", s, map[string]any{"email": email, "oldAuthPW": hex.EncodeToString(authPW)})
	}
	w.fetches(start(p.v1.AuthPW), kB, map[string][]byte{"keyFetchToken": p.v1.UnwrapBKey})
	started := start(p.v2.AuthPW)
	w.fetches(started, kB, map[string][]byte{"keyFetchToken2": p.v2.UnwrapBKey})

	next := stretchBoth(t, "battery staple", kB)
	change := w.hawk(onepw.PasswordChangeToken(w.raw(started.text("passwordChangeToken"))))
	w.fetches(w.post("/auth/v1/password/change/finish?keys=true", change, next.body), kB,
		map[string][]byte{"keyFetchToken": next.v1.UnwrapBKey, "keyFetchToken2": next.v2.UnwrapBKey})
}

// The upgrade of a password gives them too: PyFxA continues with the new one.
func TestKeyFetchTokensOfAnUpgrade(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	kB := w.raw(w.kB(w.signIn(email, password).text("keyFetchToken"), password))
	p := stretchBoth(t, password, kB)
	started := w.post("/auth/v1/password/change/start", w.session(s), map[string]any{"email": email, "oldAuthPW": authPW(email, password)})
	change := w.hawk(onepw.PasswordChangeToken(w.raw(started.text("passwordChangeToken"))))
	w.fetches(w.post("/auth/v1/password/change/finish?keys=true", change, p.body), kB,
		map[string][]byte{"keyFetchToken": p.v1.UnwrapBKey, "keyFetchToken2": p.v2.UnwrapBKey})
}

// Two-step sign-in guards the key behind either version.
func TestTwoStepGuardsTheKey(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	p := stretchBoth(t, password, make([]byte, 32))
	w.twoStep(w.session(w.post("/auth/v1/account/create", nil, p.body).text("sessionToken")))
	for name, authPW := range map[string][]byte{"keyFetchToken": p.v1.AuthPW, "keyFetchTokenVersion2": p.v2.AuthPW} {
		in := w.post("/auth/v1/account/login?keys=true", nil, map[string]any{"email": email, "authPW": hex.EncodeToString(authPW)})
		w.get("/auth/v1/account/keys", w.hawk(onepw.KeyFetchToken(w.raw(in.text(name))).HAWK)).refused(400, 138)
	}
}

package accounts_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// otp computes a code of RFC 6238 as an authenticator app does, from the secret's text.
func otp(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, key)
	if err := binary.Write(m, binary.BigEndian, at.Unix()/30); err != nil {
		t.Fatal(err)
	}
	sum := m.Sum(nil)
	offset := sum[19] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[offset:])&(1<<31-1))%1_000_000)
}

// The RFC's own example, with the last six of its eight digits.
func TestOTPOfTheRFC(t *testing.T) {
	t.Parallel()
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 20000000000: "353130"} {
		if got := otp(t, secret, time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

// twoStep turns two-step sign-in on, and returns its secret and the backup codes.
func (w *env) twoStep(s signer) (secret string, backup []string) {
	w.t.Helper()
	w.prove(s)
	secret = w.post("/auth/v1/totp/create", s, nil).text("secret")
	out := w.post("/auth/v1/session/verify/totp", s, map[string]any{"code": otp(w.t, secret, w.clock.Now())}).ok()
	if out["success"] != true {
		w.t.Fatalf("the first code: %v", out)
	}
	for _, code := range out["recoveryCodes"].([]any) {
		backup = append(backup, code.(string))
	}
	w.clock.Pass(30 * time.Second)
	return secret, backup
}

func (w *env) verify(s signer, code string) bool {
	w.t.Helper()
	return w.post("/auth/v1/session/verify/totp", s, map[string]any{"code": code}).ok()["success"] == true
}

func TestTwoStepSetUp(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	exists := func() any { return w.get("/auth/v1/totp/exists", s).ok()["exists"] }
	w.post("/auth/v1/session/verify/totp", s, map[string]any{"code": "123456"}).refused(400, 155)
	w.prove(s)
	made := w.post("/auth/v1/totp/create", s, nil)
	picture, ok := strings.CutPrefix(made.text("qrCodeUrl"), "data:image/svg+xml;base64,")
	if svg, err := base64.StdEncoding.DecodeString(picture); !ok || err != nil || !strings.HasPrefix(string(svg), "<svg ") {
		t.Errorf("the picture is %q", made.text("qrCodeUrl"))
	}
	// The app gave no code yet, so it does not lock its owner out.
	if w.verify(s, "000000") || exists() != false {
		t.Error("a wrong code set it up")
	}
	w.signIn(email, password).text("keyFetchToken")
	if w.signIn(email, password).ok()["verified"] != true {
		t.Error("a session waits for a second step that is not set up")
	}
	secret, backup := w.twoStep(s)
	if secret == made.text("secret") || len(backup) != 8 || exists() != true {
		t.Errorf("set up: %v, %d backup codes", exists(), len(backup))
	}
	w.post("/auth/v1/totp/create", s, nil).refused(400, 154)
	if p := w.get("/auth/v1/account/profile", s).ok(); p["authenticatorAssuranceLevel"] != 2.0 {
		t.Errorf("the profile says %v", p)
	}
	stored := w.stored(os.ReadFile)
	for _, code := range backup {
		if strings.Contains(stored, code) {
			t.Error("a backup code is in the database")
		}
	}

	w.post("/auth/v1/totp/destroy", s, nil).ok()
	if exists() != false || w.signIn(email, password).ok()["verified"] != true {
		t.Error("it is still on")
	}
	if n := w.get("/auth/v1/recoveryCodes/exists", s).ok()["count"]; n != 0.0 {
		t.Errorf("%v backup codes are left", n)
	}
}

// The password alone opens nothing.
func TestTwoStepGuards(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	first := w.session(w.signUp(email))
	secret, _ := w.twoStep(first)
	in := w.signIn(email, password)
	if f := in.ok(); f["verified"] != false || f["verificationMethod"] != "totp-2fa" || f["sessionVerified"] != false {
		t.Errorf("signing in says %v", f)
	}
	s := w.session(in.text("sessionToken"))
	keys := onepw.KeyFetchToken(w.raw(in.text("keyFetchToken")))
	for _, call := range []struct {
		method, path string
		sign         signer
		in           any
	}{
		{"GET", "/account/keys", w.hawk(keys.HAWK), nil},
		{"GET", "/account/attached_clients", s, nil},
		{"GET", "/account/devices", s, nil},
		{"POST", "/account/device", s, map[string]any{"name": "x"}},
		{"POST", "/account/scoped-key-data", s, map[string]any{"client_id": clientID, "scope": onepw.OldSync}},
		{"POST", "/oauth/token", s, map[string]any{"grant_type": "fxa-credentials", "client_id": clientID, "scope": "profile"}},
		{"POST", "/oauth/authorization", s, map[string]any{"client_id": clientID, "state": "x", "scope": "profile"}},
		{"POST", "/session/duplicate", s, nil},
		{"POST", "/session/destroy", s, map[string]any{"customSessionToken": strings.Repeat("0", 64)}},
		{"POST", "/totp/create", s, nil},
		{"POST", "/totp/destroy", s, nil},
		{"GET", "/recoveryCodes", s, nil},
		{"GET", "/recoveryCodes/exists", s, nil},
		{"POST", "/password/change/start", nil, map[string]any{"email": email, "oldAuthPW": authPW(email, password)}},
		{"POST", "/password/change/start", s, map[string]any{"email": email, "oldAuthPW": authPW(email, password)}},
		{"POST", "/account/destroy", nil, map[string]any{"email": email, "authPW": authPW(email, password)}},
		{"POST", "/account/destroy", s, map[string]any{"email": email, "authPW": authPW(email, password)}},
	} {
		w.do(call.method, "/auth/v1"+call.path, call.sign, call.in).refused(400, 138)
	}
	if list := w.get("/auth/v1/account/attached_clients", first).list(); len(list) != 1 {
		t.Errorf("a session that is not complete is listed: %v", list)
	}
	// Somebody else's session does not show the second step of this account.
	bob := w.session(w.signUp("bob@example.org"))
	w.post("/auth/v1/account/destroy", bob, map[string]any{"email": email, "authPW": authPW(email, password)}).refused(401, 110)

	if w.get("/auth/v1/session/status", s).ok()["state"] != "unverified" || !w.verify(s, otp(t, secret, w.clock.Now())) {
		t.Error("the session, or its code")
	}
	if w.get("/auth/v1/session/status", s).ok()["state"] != "verified" {
		t.Error("the session still waits")
	}
	w.kB(in.text("keyFetchToken"), password)
	w.post("/auth/v1/password/change/start", s, map[string]any{"email": email, "oldAuthPW": authPW(email, password)}).ok()
	w.post("/auth/v1/account/destroy", s, map[string]any{"email": email, "authPW": authPW(email, password)}).ok()
}

// A code is valid once, and for half a minute more or less.
func TestTwoStepCodes(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	secret, _ := w.twoStep(w.session(w.signUp(email)))
	sign := func() signer { return w.session(w.signIn(email, password).text("sessionToken")) }
	code := otp(t, secret, w.clock.Now())
	if !w.verify(sign(), code[:3]+" "+code[3:]) {
		t.Error("a code with a space in it is refused")
	}
	if w.verify(sign(), code) {
		t.Error("a code is good twice")
	}
	for _, off := range []time.Duration{-90 * time.Second, -60 * time.Second, 60 * time.Second} {
		if w.verify(sign(), otp(t, secret, w.clock.Now().Add(off))) {
			t.Errorf("a code of %v is good", off)
		}
	}
	if !w.verify(sign(), otp(t, secret, w.clock.Now().Add(30*time.Second))) {
		t.Error("the next code is not good")
	}
}

func TestTwoStepLimits(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	secret, backup := w.twoStep(w.session(w.signUp(email)))
	s := w.session(w.signIn(email, password).text("sessionToken"))
	for range 10 {
		if w.verify(s, "000000") {
			t.Fatal("a guess was right")
		}
	}
	w.post("/auth/v1/session/verify/totp", s, map[string]any{"code": otp(t, secret, w.clock.Now())}).refused(429, 114)
	w.post("/auth/v1/session/verify/recoveryCode", s, map[string]any{"code": backup[0]}).refused(429, 114)
	w.clock.Pass(15 * time.Minute)
	if !w.verify(s, otp(t, secret, w.clock.Now())) {
		t.Error("the right code, after the wait")
	}
	// A session that never came to its second step is removed.
	s = w.session(w.signIn(email, password).text("sessionToken"))
	w.clock.Pass(time.Hour)
	if err := w.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.get("/auth/v1/session/status", s).refused(401, 110)
}

func TestBackupCodes(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	first := w.session(w.signUp(email))
	w.prove(first)
	w.get("/auth/v1/recoveryCodes", first).refused(400, 155)
	_, backup := w.twoStep(first)
	use := func(code string) answer {
		s := w.session(w.signIn(email, password).text("sessionToken"))
		a := w.post("/auth/v1/session/verify/recoveryCode", s, map[string]any{"code": code})
		if a.Code == 200 {
			w.get("/auth/v1/account/devices", s).list() // it is complete
		}
		return a
	}
	if left := use(strings.ToLower(backup[0])).ok()["remaining"]; left != 7.0 {
		t.Errorf("%v are left", left)
	}
	use(backup[0]).refused(400, 156)
	use("not a code").refused(400, 156)
	var fresh []string
	for _, code := range w.get("/auth/v1/recoveryCodes", first).ok()["recoveryCodes"].([]any) {
		fresh = append(fresh, code.(string))
	}
	use(backup[1]).refused(400, 156)
	use(fresh[0]).ok()
	// The codes of one account are not valid for another.
	bob := w.session(w.signUp("bob@example.org"))
	w.post("/auth/v1/session/verify/recoveryCode", bob, map[string]any{"code": fresh[1]}).refused(400, 156)
	use(fresh[1]).ok()
}

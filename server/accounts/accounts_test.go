package accounts_test

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/accounts"
)

func TestSignUpAndIn(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.signUp(email)
	a := w.signIn(email, password)
	if f := a.ok(); f["verified"] != true || f["authAt"] != float64(w.clock.Now().Unix()) || f["email"] != email || len(f["uid"].(string)) != 32 {
		t.Errorf("login: %v", f)
	}
	s := w.session(a.text("sessionToken"))
	if f := w.get("/auth/v1/session/status", s).ok(); f["state"] != "verified" || f["uid"] != a.fields["uid"] {
		t.Errorf("session/status: %v", f)
	}
	if f := w.get("/auth/v1/recovery_email/status", s).ok(); f["email"] != email || f["verified"] != true {
		t.Errorf("recovery_email/status: %v", f)
	}
	if f := w.get("/auth/v1/account/profile", s).ok(); f["email"] != email {
		t.Errorf("account/profile: %v", f)
	}
	data := w.post("/auth/v1/account/scoped-key-data", s, map[string]string{"client_id": clientID, "scope": onepw.OldSync + " profile"}).ok()
	if d, _ := data[onepw.OldSync].(map[string]any); len(data) != 1 || d["keyRotationTimestamp"] != float64(w.clock.Now().UnixMilli()) ||
		d["keyRotationSecret"] != strings.Repeat("0", 64) || d["identifier"] != onepw.OldSync {
		t.Errorf("scoped-key-data: %v", data)
	}
	w.post("/auth/v1/account/create", nil, map[string]any{"email": "ALICE@example.org", "authPW": authPW(email, "x")}).refused(400, 101)
}

// Concurrent sign-ups with one address create one account.
func TestSignUpAtOnce(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	codes := make([]int, 8)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() {
			codes[i] = w.post("/auth/v1/account/create", nil, map[string]any{"email": email, "authPW": authPW(email, password)}).Code
		})
	}
	wg.Wait()
	made := 0
	for _, code := range codes {
		if code == http.StatusOK {
			made++
		}
	}
	if made != 1 {
		t.Errorf("codes: %v", codes)
	}
}

// The keys come out the same at each sign-in, and each token fetches once.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.signUp(email)
	first := w.signIn(email, password).text("keyFetchToken")
	second := w.signIn(email, password).text("keyFetchToken")
	if a, b := w.kB(first, password), w.kB(second, password); a != b {
		t.Errorf("kB is %s and %s", a, b)
	}
	w.get("/auth/v1/account/keys", w.hawk(onepw.KeyFetchToken(w.raw(first)).HAWK)).refused(401, 110)
	late := w.signIn(email, password).text("keyFetchToken")
	w.clock.Pass(time.Hour + time.Second)
	w.get("/auth/v1/account/keys", w.hawk(onepw.KeyFetchToken(w.raw(late)).HAWK)).refused(401, 110)
}

// The files contain neither tokens nor keys.
func TestStolenDatabase(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	session := w.signUp(email)
	login := w.signIn(email, password)
	refresh := w.post("/auth/v1/oauth/token", w.session(session), map[string]any{
		"grant_type": "fxa-credentials", "client_id": clientID, "scope": onepw.OldSync, "access_type": "offline",
	}).text("refresh_token")
	fetch := login.text("keyFetchToken")
	files := w.stored(os.ReadFile)
	if !strings.Contains(files, email) {
		t.Fatal("the files do not hold the account")
	}
	h := onepw.SessionToken(w.raw(session))
	stretched := onepw.StretchV1(email, password)
	kB, err := hex.DecodeString(w.kB(fetch, password))
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"session token": w.raw(session), "session id": []byte(h.ID), "session key": h.Key, "key fetch token": w.raw(fetch),
		"refresh token": []byte(refresh), "authPW": stretched.AuthPW, "kB": kB, "wrapKB": onepw.XOR(kB, stretched.UnwrapBKey),
	} {
		if strings.Contains(files, string(secret)) || strings.Contains(files, hex.EncodeToString(secret)) {
			t.Errorf("the %s is in the files", name)
		}
	}
}

func TestRefusedSignIns(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.signUp(email)
	w.signIn(email, "wrong").refused(400, 103)
	w.signIn("bob@example.org", password).refused(400, 103)
	if f := w.signIn("Alice@Example.org", "wrong").refused(400, 120); f["email"] != email {
		t.Errorf("another spelling: %v", f)
	}
	if f := w.signIn("Bob@Example.org", "wrong").refused(400, 120); f["email"] != "bob@example.org" {
		t.Errorf("another spelling of an unknown address: %v", f)
	}
	for name, c := range map[string]struct {
		body  any
		errno int
	}{
		"not JSON":    {"{", 106},
		"a number":    {`{"email":1}`, 107},
		"no email":    {`{}`, 108},
		"bad email":   {map[string]string{"email": "alice", "authPW": authPW(email, "x")}, 107},
		"no authPW":   {map[string]string{"email": email}, 108},
		"short":       {map[string]string{"email": email, "authPW": "00"}, 107},
		"bad v2 salt": {map[string]string{"email": email, "authPW": authPW(email, "x"), "clientSalt": "x"}, 108},
	} {
		path := "/auth/v1/account/login"
		if name == "bad v2 salt" {
			path = "/auth/v1/account/create"
		}
		if a := w.post(path, nil, c.body); a.fields["errno"] != float64(c.errno) {
			t.Errorf("%s: %s, want errno %d", name, a.Body, c.errno)
		}
	}
	w.post("/auth/v1/account/login", nil, strings.Repeat(" ", 300<<10)).refused(413, 113)
	w.get("/auth/v1/nowhere", nil).refused(404, 999)
	if w.log.Len() != 0 {
		t.Errorf("a client's mistakes are in the log: %s", &w.log)
	}
}

// An address without an account has a salt like one with.
func TestCredentialsStatus(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	ask := func(email string) map[string]any {
		t.Helper()
		return w.post("/auth/v1/account/credentials/status", nil, map[string]string{"email": email}).ok()
	}
	nobody := ask("nobody@example.org")
	if s, _ := nobody["clientSalt"].(string); nobody["currentVersion"] != "v2" || !onepw.ValidClientSalt(s) {
		t.Errorf("an unknown address: %v", nobody)
	}
	if again := ask("NOBODY@example.org"); again["clientSalt"] != nobody["clientSalt"] {
		t.Error("an unknown address has another salt each time")
	}
	if other := ask("other@example.org"); other["clientSalt"] == nobody["clientSalt"] {
		t.Error("unknown addresses share a salt")
	}
	// An account that has version 1 alone cannot be told from a missing one either.
	before := ask(email)
	w.signUp(email)
	if f := ask(email); !reflect.DeepEqual(f, before) {
		t.Errorf("a version 1 account: %v, and before it was made %v", f, before)
	}
}

func TestAccountStatus(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	session := w.signUp(email)
	uid := w.get("/auth/v1/session/status", w.session(session)).text("uid")
	if w.get("/auth/v1/account/status?uid="+uid, nil).ok()["exists"] != true || w.get("/auth/v1/account/status?uid=00", nil).ok()["exists"] != false ||
		w.get("/auth/v1/account/status", w.session(session)).ok()["exists"] != true {
		t.Error("status by uid")
	}
	by := func(email string) string {
		w.post("/auth/v1/account/status", nil, map[string]string{"email": email}).ok()
		return w.post("/auth/v1/account/status", nil, map[string]string{"email": email}).Body.String()
	}
	for _, policy := range []accounts.SignUp{accounts.SignUpOpen, accounts.SignUpClosed, accounts.SignUpInvite} {
		w.open(func(c *accounts.Config) { c.SignUp = policy })
		if by("nobody@example.org") != by(email) {
			t.Errorf("a server whose sign-up is %s tells strangers who has an account", policy)
		}
	}
	w.open(func(c *accounts.Config) { c.SignUp = accounts.SignUpClosed })
	w.post("/auth/v1/account/create", nil, map[string]any{"email": "b@example.org", "authPW": authPW(email, "x")}).refused(403, 202)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *accounts.Config) {
		c.Limits = accounts.Limits{Window: time.Minute, PerAccount: 3, PerAddress: 6}
	})
	w.signUp(email)
	for range 5 {
		w.signIn(email, password).ok() // right passwords do not count
	}
	for range 3 {
		w.signIn(email, "wrong").refused(400, 103)
	}
	a := w.signIn(email, password)
	if f := a.refused(429, 114); f["retryAfter"] != 60.0 || a.Header().Get("Retry-After") != "60" {
		t.Errorf("%v, Retry-After %s", f, a.Header().Get("Retry-After"))
	}
	w.signIn("bob@example.org", "wrong").refused(400, 103)
	w.signIn("bob@example.org", "wrong").refused(429, 114) // the address is used up: 1 sign-up, 3 wrong, 1 refused, 1 wrong
	w.from = "192.0.2.2:1"
	w.signIn("bob@example.org", "wrong").refused(400, 103)
	w.signIn(email, password).ok() // the owner is elsewhere
	w.from = "192.0.2.1:1"
	w.clock.Pass(59 * time.Second)
	w.signIn(email, password).refused(429, 114)
	w.clock.Pass(time.Second)
	w.signIn(email, password).ok()
}

// One customer's IPv6 network is one address.
func TestLimitsByNetwork(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *accounts.Config) { c.Limits.PerAddress = 1 })
	w.from = "[2001:db8::1]:1"
	w.signIn(email, "x").refused(400, 103)
	w.from = "[2001:db8::ffff]:1"
	w.signIn(email, "x").refused(429, 114)
	w.from = "[2001:db8:0:1::1]:1"
	w.signIn(email, "x").refused(400, 103)
}

// signed is a request that can be sent more than once.
func (w *env) signed(session string, body string, ts time.Time, change func(*http.Request)) func() answer {
	h := onepw.SessionToken(w.raw(session))
	var authorization string
	return func() answer {
		r := httptest.NewRequestWithContext(w.t.Context(), "POST", root+"/auth/v1/session/duplicate", bytes.NewReader([]byte(body)))
		r.Header.Set("Content-Type", "application/json")
		if authorization == "" {
			hawk.Sign(r, hawk.Credentials{ID: h.ID, Key: h.Key}, ts.Unix(), "n", hawk.PayloadHash("application/json", []byte("{}")))
			authorization = r.Header.Get("Authorization")
		}
		r.Header.Set("Authorization", authorization)
		if change != nil {
			change(r)
		}
		return w.send(r)
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	again := w.signed(s, "{}", w.clock.Now(), nil)
	again().ok()
	again().refused(401, 115)
	w.signed(s, `{"x":1}`, w.clock.Now(), nil)().refused(401, 109)
	w.signed(s, "{}", w.clock.Now(), func(r *http.Request) { r.URL.RawQuery = "x" })().refused(401, 109)
	if f := w.signed(s, "{}", w.clock.Now().Add(-time.Hour), nil)().refused(401, 111); f["serverTime"] != float64(w.clock.Now().Unix()) {
		t.Errorf("an old request: %v", f)
	}
	w.signed(s, "{}", w.clock.Now().Add(time.Hour), nil)().refused(401, 111)
	w.signed(strings.Repeat("00", 32), "{}", w.clock.Now(), nil)().refused(401, 110)
	w.post("/auth/v1/session/duplicate", nil, nil).refused(401, 110)
	w.post("/auth/v1/session/duplicate", func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Hawk nonsense") }, nil).refused(401, 110)
	// A body without a hash could be anyone's.
	h := onepw.SessionToken(w.raw(s))
	w.post("/auth/v1/session/duplicate", func(r *http.Request, _ []byte) {
		hawk.Sign(r, hawk.Credentials{ID: h.ID, Key: h.Key}, w.clock.Now().Unix(), "m", "")
	}, "{}").refused(401, 109)
	// A token of one kind is not valid as another.
	w.get("/auth/v1/account/keys", w.hawk(h)).refused(401, 110)
	// Mobile clients send the id alone.
	w.post("/auth/v1/session/duplicate", bearer("fxs_"+h.ID), nil).ok()
	w.post("/auth/v1/session/duplicate", bearer("fxs_"+strings.Repeat("0", 64)), nil).refused(401, 110)
	w.post("/auth/v1/session/duplicate", bearer(h.ID), nil).refused(401, 110)
}

func TestSessions(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.signUp(email)
	b := w.post("/auth/v1/session/duplicate", w.session(a), nil).text("sessionToken")
	w.post("/auth/v1/session/destroy", w.session(a), map[string]string{"customSessionToken": b}).ok()
	w.get("/auth/v1/session/status", w.session(b)).refused(401, 110)
	w.signUp("bob@example.org")
	bob := w.signIn("bob@example.org", password).text("sessionToken")
	w.post("/auth/v1/session/destroy", w.session(a), map[string]string{"customSessionToken": bob}).refused(401, 110)
	w.get("/auth/v1/session/status", w.session(bob)).ok()
	w.post("/auth/v1/session/destroy", w.session(a), nil).ok()
	w.get("/auth/v1/session/status", w.session(a)).refused(401, 110)
}

// A changed password keeps kB, and ends all sessions and what they granted.
func TestChangePassword(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	old := w.signUp(email)
	access := w.access(old, onepw.OldSync)
	kB := w.kB(w.signIn(email, password).text("keyFetchToken"), password)
	w.post("/auth/v1/password/change/start", nil, map[string]string{"email": email, "oldAuthPW": authPW(email, "wrong")}).refused(400, 103)
	start := w.post("/auth/v1/password/change/start", nil, map[string]string{"email": email, "oldAuthPW": authPW(email, password)})
	if got := w.kB(start.text("keyFetchToken"), password); got != kB {
		t.Fatalf("kB is %s, want %s", got, kB)
	}
	const fresh = "battery staple"
	raw, err := hex.DecodeString(kB)
	if err != nil {
		t.Fatal(err)
	}
	stretched := onepw.StretchV1(email, fresh)
	body := map[string]string{
		"authPW": hex.EncodeToString(stretched.AuthPW), "wrapKb": hex.EncodeToString(onepw.XOR(raw, stretched.UnwrapBKey)),
	}
	change := onepw.PasswordChangeToken(w.raw(start.text("passwordChangeToken")))
	w.post("/auth/v1/password/change/finish", w.hawk(change), map[string]string{"authPW": body["authPW"]}).refused(400, 108)
	before, err := w.Verify(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	// The generation grows although the clock stands still.
	done := w.post("/auth/v1/password/change/finish?keys=true", w.hawk(change), body)
	if got := w.kB(done.text("keyFetchToken"), fresh); got != kB {
		t.Errorf("kB is %s, want %s", got, kB)
	}
	w.post("/auth/v1/password/change/finish", w.hawk(change), body).refused(401, 110)
	w.get("/auth/v1/session/status", w.session(old)).refused(401, 110)
	if _, err := w.Verify(t.Context(), access); err == nil {
		t.Error("an access token outlives the password")
	}
	after, err := w.Verify(t.Context(), w.access(done.text("sessionToken"), onepw.OldSync))
	if err != nil || after.Generation <= before.Generation {
		t.Errorf("generation %d, then %d, %v", before.Generation, after.Generation, err)
	}
	w.signIn(email, password).refused(400, 103)
	if got := w.kB(w.signIn(email, fresh).text("keyFetchToken"), fresh); got != kB {
		t.Errorf("after signing in, kB is %s, want %s", got, kB)
	}
}

func TestDestroyAccount(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	uid := w.get("/auth/v1/session/status", w.session(s)).text("uid")
	access := w.access(s, onepw.OldSync)
	w.post("/auth/v1/account/destroy", nil, map[string]string{"email": email, "authPW": authPW(email, "wrong")}).refused(400, 103)
	w.post("/auth/v1/account/destroy", nil, map[string]string{"email": email, "authPW": authPW(email, password)}).ok()
	if len(w.destroyed) != 1 || w.destroyed[0] != uid {
		t.Errorf("told: %v, want %s", w.destroyed, uid)
	}
	w.get("/auth/v1/session/status", w.session(s)).refused(401, 110)
	w.signIn(email, password).refused(400, 103)
	if _, err := w.Verify(t.Context(), access); err == nil {
		t.Error("an access token outlives its account")
	}
	w.signUp(email)
}

package accounts_test

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/token"
)

// idToken reads the ID token of an answer, by the published keys.
func (w *env) idToken(a answer) map[string]any {
	w.t.Helper()
	parsed, err := jwt.ParseSigned(a.text("id_token"), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		w.t.Fatal(err)
	}
	set := mustJWKS(w.t, w.get("/oauth/v1/jwks", nil).Body.Bytes())
	keys := set.Key(parsed.Headers[0].KeyID)
	var c map[string]any
	if len(keys) != 1 || parsed.Claims(keys[0].Key, &c) != nil {
		w.t.Fatalf("no published key verifies the ID token")
	}
	sum := sha256.Sum256([]byte(a.text("access_token")))
	if want := base64.RawURLEncoding.EncodeToString(sum[:16]); c["at_hash"] != want {
		w.t.Errorf("at_hash is %v, want %s", c["at_hash"], want)
	}
	return c
}

func (w *env) openID(session, scope string) answer {
	w.t.Helper()
	return w.post("/auth/v1/oauth/token", w.session(session), map[string]any{"grant_type": "fxa-credentials", "client_id": clientID, "scope": scope})
}

// An ID token tells a client who signed in, and how, with two-step sign-in too.
func TestIDToken(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	uid := w.get("/auth/v1/session/status", w.session(s)).text("uid")
	if a := w.openID(s, "profile "+onepw.OldSync); a.ok()["id_token"] != nil {
		t.Error("an ID token that nobody asked for")
	}
	a := w.openID(s, "openid profile")
	c := w.idToken(a)
	delete(c, "at_hash")
	now := float64(w.clock.Now().Unix())
	want := map[string]any{
		"iss": root, "sub": uid, "aud": clientID, "iat": now, "exp": now + 300, "amr": []any{"pwd", "email"}, "fxa-aal": 1.0, "acr": "AAL1",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("the ID token says %v, want %v", c, want)
	}
	old := w.signIn(email, password).text("sessionToken")

	secret, _ := w.twoStep(w.session(s))
	if c := w.idToken(w.openID(s, "openid")); c["acr"] != "AAL2" || c["fxa-aal"] != 2.0 || !reflect.DeepEqual(c["amr"], []any{"pwd", "email", "otp"}) {
		t.Errorf("the session that turned it on: %v", c)
	}
	if c := w.idToken(w.openID(old, "openid")); c["acr"] != "AAL1" {
		t.Errorf("a session of before: %v", c)
	}
	fresh := w.signIn(email, password).text("sessionToken")
	w.openID(fresh, "openid").refused(400, 138)
	w.verify(w.session(fresh), otp(t, secret, w.clock.Now()))
	if c := w.idToken(w.openID(fresh, "openid")); c["acr"] != "AAL2" {
		t.Errorf("a session with a code: %v", c)
	}
}

// A code for a page's client brings its nonce back, once, and a refresh token keeps what is
// known about the sign-in.
func TestIDTokenByCode(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	w.twoStep(w.session(s))
	ask := map[string]any{
		"client_id": clientID, "state": "x", "scope": "openid profile", "access_type": "offline", "response_type": "code",
		"code_challenge": challenge(), "code_challenge_method": "S256", "nonce": "n-0S6_WzA2Mj",
	}
	code := w.post("/auth/v1/oauth/authorization", w.session(s), ask).text("code")
	a := w.post("/oauth/v1/token", w.session(s), map[string]any{"client_id": clientID, "code": code, "code_verifier": verifier})
	if c := w.idToken(a); c["nonce"] != "n-0S6_WzA2Mj" || c["acr"] != "AAL2" {
		t.Errorf("the ID token says %v", c)
	}
	again := w.post("/oauth/v1/token", nil, map[string]any{
		"client_id": clientID, "grant_type": "refresh_token", "refresh_token": a.text("refresh_token"), "scope": "openid",
	})
	if c := w.idToken(again); c["nonce"] != nil || c["acr"] != "AAL2" {
		t.Errorf("renewed, the ID token says %v", c)
	}
	ask["nonce"] = string(make([]byte, 513))
	w.post("/auth/v1/oauth/authorization", w.session(s), ask).refused(400, 107)
}

// An ID token does not authorize requests, nor does anything else that the server's key signed
// and that is not an access token, even with the claims of one.
func TestIDTokenIsNoAccessToken(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	a := w.openID(s, "openid profile "+onepw.OldSync)
	access, id := a.text("access_token"), a.text("id_token")

	db, err := sql.Open("sqlite", w.dir+"/accounts.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var kid string
	var der []byte
	if err := db.QueryRowContext(t.Context(), `SELECT kid, private FROM signing_keys`).Scan(&kid, &der); err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	key := parsed.(*rsa.PrivateKey)
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(access, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	as := func(typ jose.ContentType) string {
		options := &jose.SignerOptions{}
		if typ != "" {
			options.WithType(typ)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, options)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if _, err := w.Verify(t.Context(), as("at+JWT")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"an ID token": id, "a JWT": as("JWT"), "a token without a type": as("")} {
		if _, err := w.Verify(t.Context(), text); !errors.Is(err, token.ErrBadAccess) {
			t.Errorf("%s opens the storage: %v", name, err)
		}
		w.get("/profile/v1/profile", bearer(text)).refused(401, 110)
		w.post("/oauth/v1/verify", nil, map[string]string{"token": text}).refused(401, 110)
		if f := w.post("/oauth/v1/introspect", nil, map[string]string{"token": text}).ok(); f["active"] != false {
			t.Errorf("%s: %v", name, f)
		}
		w.post("/oauth/v1/destroy", nil, map[string]string{"token": text}).ok() // of nothing
	}
	if _, err := w.Verify(t.Context(), access); err != nil {
		t.Errorf("the access token is revoked: %v", err)
	}
}

// The discovery document is correct, and UserInfo returns the subject.
func TestOpenIDConfiguration(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	f := w.get("/.well-known/openid-configuration", nil).ok()
	s := w.signUp(email)
	a := w.openID(s, "openid")
	c := w.idToken(a)
	claims := f["claims_supported"].([]any)
	for name := range c {
		if !slices.Contains(claims, any(name)) {
			t.Errorf("the document does not know the claim %s", name)
		}
	}
	if !slices.Contains(f["scopes_supported"].([]any), any("openid")) {
		t.Errorf("the scopes are %v", f["scopes_supported"])
	}
	at := w.path(f["userinfo_endpoint"].(string))
	if got := w.get(at, bearer(a.text("access_token"))).ok(); !reflect.DeepEqual(got, map[string]any{"sub": c["sub"]}) {
		t.Errorf("UserInfo says %v", got)
	}
	if got := w.get(at, bearer(w.access(s, "openid email"))).ok(); !reflect.DeepEqual(got, map[string]any{"sub": c["sub"], "email": email}) {
		t.Errorf("UserInfo with the address says %v", got)
	}
	if got := w.get(at, bearer(w.access(s, "openid profile"))).ok(); got["sub"] != c["sub"] || got["uid"] != c["sub"] {
		t.Errorf("the profile says %v", got)
	}
	if got := w.get(at, bearer(w.access(s, "profile"))).ok(); got["sub"] != nil {
		t.Errorf("the profile says %v", got)
	}
	w.get(at, bearer(w.access(s, onepw.OldSync))).refused(403, 163)
	w.get("/profile/v1/email", bearer(a.text("access_token"))).refused(403, 163)
}

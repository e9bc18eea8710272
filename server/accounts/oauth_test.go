package accounts_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/token"
)

// What Firefox asks for with its session.
func TestAccessToken(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	uid := w.get("/auth/v1/session/status", w.session(s)).text("uid")
	a := w.post("/auth/v1/oauth/token", w.session(s), map[string]any{
		"grant_type": "fxa-credentials", "client_id": clientID, "scope": onepw.OldSync, "ttl": 21600,
	})
	f := a.ok()
	if f["scope"] != onepw.OldSync || f["token_type"] != "bearer" || f["expires_in"] != 21600.0 || f["refresh_token"] != nil {
		t.Errorf("answer: %v", f)
	}
	id, err := w.Verify(t.Context(), a.text("access_token"))
	bound := id.Bound
	if id.Bound = ""; err != nil || bound == "" || id != (token.Identity{Account: uid, Generation: w.clock.Now().UnixMilli()}) {
		t.Errorf("verified: %+v, %v", id, err)
	}
	// The published keys verify it too.
	keys := w.get("/oauth/v1/jwks", nil).Body.Bytes()
	set := mustJWKS(t, keys)
	parsed, err := jwt.ParseSigned(a.text("access_token"), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(set.Keys) != 1 || parsed.Headers[0].KeyID != set.Keys[0].KeyID {
		t.Fatalf("%v; keys: %s", err, keys)
	}
	var claims map[string]any
	if err := parsed.Claims(set.Keys[0].Key, &claims); err != nil || claims["sub"] != uid || claims["iss"] != root || claims["scope"] != onepw.OldSync ||
		claims["fxa-generation"] != float64(w.clock.Now().UnixMilli()) || claims["client_id"] != clientID {
		t.Errorf("claims: %v, %v", claims, err)
	}
	if !set.Keys[0].IsPublic() {
		t.Error("a private key is published")
	}
}

func mustJWKS(t *testing.T, b []byte) (set jose.JSONWebKeySet) {
	t.Helper()
	if err := json.Unmarshal(b, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	good := w.access(s, onepw.OldSync)
	bad := func(name, text string) {
		t.Helper()
		if _, err := w.Verify(t.Context(), text); !errors.Is(err, token.ErrBadAccess) {
			t.Errorf("%s: %v, want ErrBadAccess", name, err)
		}
	}
	bad("nothing", "")
	bad("nonsense", "a.b.c")
	bad("another scope", w.access(s, "profile"))
	parts := strings.Split(good, ".")
	bad("without a signature", parts[0]+"."+parts[1]+".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	bad("unsigned", none+"."+parts[1]+".")
	other := newEnv(t, nil)
	other.signUp(email)
	bad("another server's", other.access(other.signIn(email, password).text("sessionToken"), onepw.OldSync))

	w.clock.Pass(-2 * time.Minute)
	if _, err := w.Verify(t.Context(), good); !errors.Is(err, token.ErrNotYet) {
		t.Errorf("issued in the future: %v, want ErrNotYet", err)
	}
	w.clock.Pass(2*time.Minute + 6*time.Hour)
	bad("expired", good)
}

func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.session(w.signUp(email))
	ask := func(in map[string]any) answer {
		t.Helper()
		return w.post("/auth/v1/oauth/token", s, in)
	}
	ask(map[string]any{"grant_type": "fxa-credentials", "scope": "profile"}).refused(400, 108)
	ask(map[string]any{"grant_type": "fxa-credentials", "client_id": "0000000000000000", "scope": "profile"}).refused(400, 162)
	ask(map[string]any{"grant_type": "fxa-credentials", "client_id": clientID, "scope": "everything"}).refused(400, 163)
	ask(map[string]any{"grant_type": "magic", "client_id": clientID}).refused(400, 107)
	w.post("/auth/v1/oauth/token", nil, map[string]any{"grant_type": "fxa-credentials", "client_id": clientID}).refused(401, 110)
}

const verifier = "a-verifier-of-enough-length-0123456789abcdefgh"

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// code gets an authorization code, as the sign-in page does.
func (w *env) code(session string, change func(map[string]any)) answer {
	w.t.Helper()
	in := map[string]any{
		"client_id": clientID, "state": "st", "scope": "profile " + onepw.OldSync, "access_type": "offline", "response_type": "code",
		"code_challenge": challenge(), "code_challenge_method": "S256", "keys_jwe": "a.b.c.d.e",
	}
	if change != nil {
		change(in)
	}
	return w.post("/auth/v1/oauth/authorization", w.session(session), in)
}

func (w *env) redeem(code, verifier, clientID string, sign signer) answer {
	w.t.Helper()
	return w.post("/oauth/v1/token", sign, map[string]any{
		"grant_type": "authorization_code", "client_id": clientID, "code": code, "code_verifier": verifier,
	})
}

// Firefox's sign-in: a code, then tokens with the sealed keys, then the refresh
// token is revoked.
func TestAuthorizationCode(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	a := w.code(s, nil)
	code := a.text("code")
	if f := a.ok(); f["state"] != "st" || !strings.Contains(a.text("redirect"), "code="+code) {
		t.Errorf("authorization: %v", f)
	}
	b := w.redeem(code, verifier, clientID, w.session(s))
	if f := b.ok(); f["keys_jwe"] != "a.b.c.d.e" || f["scope"] != "profile "+onepw.OldSync || f["session_token"] != nil {
		t.Errorf("token: %v", f)
	}
	if _, err := w.Verify(t.Context(), b.text("access_token")); err != nil {
		t.Error(err)
	}
	w.redeem(code, verifier, clientID, nil).refused(400, 172)

	refresh := b.text("refresh_token")
	use := func(scope string) answer {
		t.Helper()
		return w.post("/auth/v1/oauth/token", nil, map[string]any{
			"grant_type": "refresh_token", "client_id": clientID, "refresh_token": refresh, "scope": scope,
		})
	}
	if f := use("").ok(); f["scope"] != "profile "+onepw.OldSync || f["refresh_token"] != nil {
		t.Errorf("refreshed: %v", f)
	}
	if f := use("profile:email").ok(); f["scope"] != "profile:email" {
		t.Errorf("a narrower scope: %v", f)
	}
	use("profile:write").refused(400, 163)
	w.post("/auth/v1/oauth/destroy", nil, map[string]any{"client_id": clientID, "token": refresh}).ok()
	use("").refused(401, 110)
	w.post("/auth/v1/oauth/destroy", nil, map[string]any{"client_id": clientID, "token": refresh}).ok()
}

func TestRefusedCodes(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	set := func(name string, value any) func(map[string]any) {
		return func(in map[string]any) { in[name] = value }
	}
	w.code(s, set("code_challenge", "")).refused(400, 169)
	w.code(s, set("code_challenge_method", "plain")).refused(400, 169)
	w.code(s, set("code_challenge", "short")).refused(400, 107)
	w.code(s, set("response_type", "token")).refused(400, 168)
	w.code(s, set("state", "")).refused(400, 108)
	w.code(s, set("redirect_uri", "https://evil.example.org")).refused(400, 107)
	w.code(s, set("client_id", "0000000000000000")).refused(400, 162)

	// A wrong proof consumes the code.
	code := w.code(s, nil).text("code")
	w.redeem(code, "wrong", clientID, nil).refused(400, 175)
	w.redeem(code, verifier, clientID, nil).refused(400, 172)
	w.redeem(w.code(s, nil).text("code"), verifier, "a2270f727f45f648", nil).refused(400, 173)
	bob := w.signUp("bob@example.org")
	w.redeem(w.code(s, nil).text("code"), verifier, clientID, w.session(bob)).refused(401, 110)
	late := w.code(s, nil).text("code")
	w.clock.Pass(15 * time.Minute)
	w.redeem(late, verifier, clientID, nil).refused(400, 174)
}

// A mobile browser gets a session of its own with its code.
func TestSessionScope(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	code := w.code(s, func(in map[string]any) { in["scope"] = "profile https://identity.mozilla.com/tokens/session" }).text("code")
	own := w.redeem(code, verifier, clientID, nil).text("session_token")
	w.get("/auth/v1/session/status", w.session(own)).ok()
}

func TestRevokeAndIntrospect(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	access := w.access(s, onepw.OldSync)
	ask := func(path, token string) answer {
		t.Helper()
		return w.post("/oauth/v1/"+path, nil, map[string]string{"token": token})
	}
	if f := ask("verify", access).ok(); fmt.Sprint(f["scope"]) != "["+onepw.OldSync+"]" || f["client_id"] != clientID || f["generation"] == nil {
		t.Errorf("verify: %v", f)
	}
	if f := ask("introspect", access).ok(); f["active"] != true || f["token_type"] != "access_token" || f["scope"] != onepw.OldSync {
		t.Errorf("introspect: %v", f)
	}
	refresh := w.redeem(w.code(s, nil).text("code"), verifier, clientID, nil).text("refresh_token")
	if f := ask("introspect", refresh).ok(); f["active"] != true || f["token_type"] != "refresh_token" {
		t.Errorf("introspect a refresh token: %v", f)
	}
	ask("destroy", access).ok()
	ask("verify", access).refused(401, 110)
	if f := ask("introspect", access).ok(); f["active"] != false {
		t.Errorf("introspect a revoked token: %v", f)
	}
	w.clock.Pass(7 * time.Hour)
	if err := w.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := ask("introspect", access).ok(); f["active"] != false {
		t.Errorf("introspect after purging: %v", f)
	}
}

// The signing key changes, and tokens that the old one signed stay good until
// they end.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	first := w.access(s, onepw.OldSync)
	kid := func() string {
		return mustJWKS(t, w.get("/auth/v1/oauth/jwks", nil).Body.Bytes()).Keys[0].KeyID
	}
	purge := func() {
		t.Helper()
		if err := w.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := kid()
	w.clock.Pass(5 * time.Hour)
	purge()
	if kid() != before {
		t.Error("a new key after five hours")
	}
	w.clock.Pass(91*24*time.Hour - 5*time.Hour)
	young := w.access(s, onepw.OldSync)
	purge()
	if kid() == before {
		t.Error("the key is for ever")
	}
	if _, err := w.Verify(t.Context(), young); err != nil {
		t.Errorf("signed by the key before: %v", err)
	}
	if _, err := w.Verify(t.Context(), w.access(s, onepw.OldSync)); err != nil {
		t.Errorf("signed by the new key: %v", err)
	}
	if _, err := w.Verify(t.Context(), first); !errors.Is(err, token.ErrBadAccess) {
		t.Errorf("expired long ago: %v", err)
	}
	w.clock.Pass(25 * time.Hour)
	purge()
	if n := len(mustJWKS(t, w.get("/auth/v1/oauth/jwks", nil).Body.Bytes()).Keys); n != 1 {
		t.Errorf("%d keys, want only the new one", n)
	}
	// A restart keeps the key.
	now := kid()
	w.open(nil)
	w.access(s, onepw.OldSync)
	if kid() != now {
		t.Error("another key after a restart")
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.signUp(email)
	read := bearer(w.access(s, "profile"))
	a := w.get("/profile/v1/profile", read)
	if f := a.ok(); f["email"] != email || f["avatarDefault"] != true || f["uid"] == "" {
		t.Errorf("profile: %v", f)
	}
	etag := a.Header().Get("ETag")
	if b := w.do("GET", "/profile/v1/profile", withETag(read, etag), nil); etag == "" || b.Code != 304 || b.Body.Len() != 0 {
		t.Errorf("the same again: %d %s", b.Code, b.Body)
	}
	w.post("/profile/v1/display_name", read, map[string]string{"displayName": "Al"}).refused(403, 163)
	w.post("/profile/v1/display_name", bearer(w.access(s, "profile:write")), map[string]string{"displayName": "Al"}).ok()
	if f := w.do("GET", "/profile/v1/profile", withETag(read, etag), nil).ok(); f["displayName"] != "Al" {
		t.Errorf("after a change: %v", f)
	}
	if f := w.get("/profile/v1/email", bearer(w.access(s, "profile:email"))).ok(); len(f) != 1 || f["email"] != email {
		t.Errorf("email: %v", f)
	}
	w.get("/profile/v1/profile", bearer(w.access(s, onepw.OldSync))).refused(403, 163)
	w.get("/profile/v1/profile", nil).refused(401, 110)
	w.get("/profile/v1/profile", bearer("nonsense")).refused(401, 110)
	if b := w.get("/profile/v1/avatar/default", nil); b.Code != 200 || b.Header().Get("Content-Type") != "image/svg+xml" {
		t.Errorf("avatar: %d", b.Code)
	}
}

func TestWellKnown(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	f := w.get("/.well-known/fxa-client-configuration", nil).ok()
	for field, want := range map[string]string{
		"auth_server_base_url": root + "/auth", "oauth_server_base_url": root + "/oauth",
		"profile_server_base_url": root + "/profile", "sync_tokenserver_base_url": root + "/token",
	} {
		if f[field] != want {
			t.Errorf("%s is %v", field, f[field])
		}
	}
	if f := w.get("/.well-known/openid-configuration", nil).ok(); f["issuer"] != root || f["jwks_uri"] != root+"/oauth/v1/jwks" {
		t.Errorf("openid-configuration: %v", f)
	}
}

var _ token.Verifier = (*accounts.Service)(nil)

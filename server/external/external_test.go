package external_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/external"
	"github.com/syncmanager/syncmanager/server/token"
)

const (
	root   = "https://accounts.test"
	uid    = "0123456789abcdef0123456789abcdef"
	other  = "ffffffffffffffffffffffffffffffff"
	client = "5882386c6d801776"
)

// issuer is an accounts server that a test can change.
type issuer struct {
	t      *testing.T
	now    time.Time
	keys   map[string]*rsa.PrivateKey
	down   bool
	asked  []string
	more   []jose.JSONWebKey // that it publishes too
	about  map[string]any    // what its discovery document says
	tokens map[string]any    // what it says of opaque tokens
	log    bytes.Buffer
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{t: t, now: time.Unix(1_795_372_558, 0), keys: map[string]*rsa.PrivateKey{"one": rsaKey(t, 2048)}, tokens: map[string]any{}}
	i.about = map[string]any{"issuer": root, "jwks_uri": root + "/keys", "verify_endpoint": root + "/verify"}
	return i
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.asked = append(i.asked, r.URL.Path)
	if i.down {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	answer := func(v any) {
		if err := json.NewEncoder(w).Encode(v); err != nil {
			i.t.Error(err)
		}
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer(i.about)
	case "/keys":
		set := jose.JSONWebKeySet{Keys: i.more}
		for kid, key := range i.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: &key.PublicKey, KeyID: kid, Algorithm: "RS256", Use: "sig"})
		}
		answer(set)
	case "/verify", "/introspect":
		var in struct{ Token string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			i.t.Error(err)
		}
		if said, ok := i.tokens[in.Token]; ok {
			answer(said)
			return
		}
		if r.URL.Path == "/introspect" {
			answer(map[string]any{"active": false})
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	default:
		http.Redirect(w, r, root+"/verify", http.StatusTemporaryRedirect)
	}
}

func (i *issuer) verifier(change func(*external.Config)) *external.Verifier {
	i.t.Helper()
	u, err := url.Parse(root + "/")
	if err != nil {
		i.t.Fatal(err)
	}
	cfg := external.Config{
		Server: u, AllowAll: true, Transport: inproc.New(i), Now: func() time.Time { return i.now }, Log: slog.New(slog.NewTextHandler(&i.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	v, err := external.New(cfg)
	if err != nil {
		i.t.Fatal(err)
	}
	return v
}

// claims returns the claims of a valid token with changes; nil removes a claim.
func (i *issuer) claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": root, "sub": uid, "aud": client, "client_id": client, "scope": "profile " + onepw.OldSync,
		"iat": i.now.Unix(), "exp": i.now.Add(time.Hour).Unix(), "fxa-generation": 42, "jti": "x",
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// sign makes a token.
func (i *issuer) sign(key any, alg jose.SignatureAlgorithm, kid, typ string, claims map[string]any) string {
	i.t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

func (i *issuer) good() string {
	return i.sign(i.keys["one"], jose.RS256, "one", "at+JWT", i.claims(nil))
}

func (i *issuer) took() int {
	n := len(i.asked)
	i.asked = nil
	return n
}

// A signed token is verified without a request to the accounts server, except for its keys.
func TestSignedToken(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(nil)
	for range 3 {
		who, err := v.Verify(t.Context(), i.good())
		if err != nil || who != (token.Identity{Account: uid, Generation: 42}) {
			t.Fatalf("%+v, %v", who, err)
		}
	}
	if n := i.took(); n != 2 {
		t.Errorf("%d questions, want 2: %v", n, i.asked)
	}
	if _, err := v.Verify(t.Context(), i.sign(i.keys["one"], jose.RS256, "one", "application/at+jwt", i.claims(map[string]any{"aud": []string{"x", client}}))); err != nil {
		t.Errorf("several audiences: %v", err)
	}
}

// Each claim counts.
func TestClaims(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(func(c *external.Config) { c.Clients = []string{client} })
	hour := func(n int) int64 { return i.now.Add(time.Duration(n) * time.Hour).Unix() }
	for name, change := range map[string]map[string]any{
		"another issuer":      {"iss": "https://evil.test"},
		"no issuer":           {"iss": nil},
		"an issuer's prefix":  {"iss": root + ".evil.test"},
		"another audience":    {"aud": "https://elsewhere.test"},
		"no audience":         {"aud": nil},
		"no client":           {"client_id": nil},
		"an unknown client":   {"client_id": "dead", "aud": "dead"},
		"expired":             {"exp": i.now.Unix()},
		"no end":              {"exp": nil},
		"no beginning":        {"iat": nil},
		"no subject":          {"sub": nil},
		"a path as a subject": {"sub": "../../etc/passwd/0123456789abcde"},
		"no scope":            {"scope": nil},
		"a scope's prefix":    {"scope": onepw.OldSync + "x"},
		"another scope":       {"scope": "profile"},
	} {
		if _, err := v.Verify(t.Context(), i.sign(i.keys["one"], jose.RS256, "one", "at+JWT", i.claims(change))); !errors.Is(err, token.ErrBadAccess) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]map[string]any{"iat": {"iat": hour(1), "exp": hour(2)}, "nbf": {"nbf": hour(1), "exp": hour(2)}} {
		if _, err := v.Verify(t.Context(), i.sign(i.keys["one"], jose.RS256, "one", "at+JWT", i.claims(change))); !errors.Is(err, token.ErrNotYet) {
			t.Errorf("%s in the future: %v", name, err)
		}
	}
}

// A token cannot choose its algorithm, its key or its type.
func TestConfusion(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(nil)
	good, mine := i.keys["one"], rsaKey(t, 2048)
	weak := rsaKey(t, 1024)
	i.more = []jose.JSONWebKey{
		{Key: []byte("a shared secret that is published"), KeyID: "shared", Use: "sig"},
		{Key: &weak.PublicKey, KeyID: "weak", Algorithm: "RS256", Use: "sig"},
		{Key: &mine.PublicKey, KeyID: "for-encryption", Use: "enc"},
	}
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	// The public key, which everybody has, as the secret of an HMAC.
	public, err := json.Marshal(jose.JSONWebKey{Key: &good.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	hs := part(map[string]any{"alg": "HS256", "kid": "one", "typ": "at+JWT"}) + "." + part(i.claims(nil))
	mac := hmac.New(sha256.New, public)
	io.WriteString(mac, hs)
	embedded := part(map[string]any{
		"alg": "RS256", "typ": "at+JWT", "kid": "mine", "jwk": jose.JSONWebKey{Key: &mine.PublicKey, KeyID: "mine"}, "jku": "https://evil.test/keys",
	})
	signature := strings.Split(i.sign(mine, jose.RS256, "mine", "at+JWT", i.claims(nil)), ".")[2]
	whole := i.good()
	parts := strings.Split(whole, ".")
	for name, text := range map[string]string{
		"alg none":               part(map[string]any{"alg": "none", "kid": "one", "typ": "at+JWT"}) + "." + part(i.claims(nil)) + ".",
		"alg HS256":              hs + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"alg RS512":              i.sign(good, jose.RS512, "one", "at+JWT", i.claims(nil)),
		"alg PS256":              i.sign(good, jose.PS256, "one", "at+JWT", i.claims(nil)),
		"a shared secret":        i.sign([]byte("a shared secret that is published"), jose.HS256, "shared", "at+JWT", i.claims(nil)),
		"a weak key":             i.sign(weak, jose.RS256, "weak", "at+JWT", i.claims(nil)),
		"a key to encrypt with":  i.sign(mine, jose.RS256, "for-encryption", "at+JWT", i.claims(nil)),
		"another's key":          i.sign(mine, jose.RS256, "one", "at+JWT", i.claims(nil)),
		"a kid that is none":     i.sign(mine, jose.RS256, "mine", "at+JWT", i.claims(nil)),
		"no kid":                 i.sign(good, jose.RS256, "", "at+JWT", i.claims(nil)),
		"a kid that is a path":   i.sign(good, jose.RS256, "../one", "at+JWT", i.claims(nil)),
		"a key of its own":       embedded + "." + part(i.claims(nil)) + "." + signature,
		"an ID token":            i.sign(good, jose.RS256, "one", "JWT", i.claims(nil)),
		"other claims":           parts[0] + "." + part(i.claims(map[string]any{"sub": other})) + "." + parts[2],
		"no signature":           parts[0] + "." + parts[1] + ".",
		"no token":               "",
		"words":                  "let me in",
		"a token without an end": whole + strings.Repeat("A", 1<<20),
	} {
		if _, err := v.Verify(t.Context(), text); !errors.Is(err, token.ErrBadAccess) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A new key is fetched at its first token, and old keys expire. Unknown key IDs and an
// unavailable accounts server do no harm.
func TestKeyRotation(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(nil)
	old := i.good()
	verify := func(text string) error {
		_, err := v.Verify(t.Context(), text)
		return err
	}
	if err := verify(old); err != nil {
		t.Fatal(err)
	}
	i.took()
	i.now = i.now.Add(2 * time.Minute)
	i.keys["two"] = rsaKey(t, 2048)
	if err := verify(i.sign(i.keys["two"], jose.RS256, "two", "at+JWT", i.claims(nil))); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if n := i.took(); n != 1 {
		t.Errorf("%d questions for a new key, want 1", n)
	}
	stranger := rsaKey(t, 2048)
	for n := range 50 {
		if err := verify(i.sign(stranger, jose.RS256, fmt.Sprint("kid", n), "at+JWT", i.claims(nil))); !errors.Is(err, token.ErrBadAccess) {
			t.Fatal(err)
		}
	}
	if n := i.took(); n != 0 {
		t.Errorf("%d questions for strangers' keys", n)
	}
	// A withdrawn key is refused within an hour.
	delete(i.keys, "one")
	i.now = i.now.Add(time.Hour)
	fresh := i.claims(nil)
	if err := verify(i.sign(i.keys["two"], jose.RS256, "two", "at+JWT", fresh)); err != nil {
		t.Errorf("the key that stays: %v", err)
	}
	if err := verify(old); !errors.Is(err, token.ErrBadAccess) {
		t.Errorf("the key that went: %v", err)
	}
	// The accounts server is down, for hours and then for days.
	i.down = true
	i.now = i.now.Add(5 * time.Hour)
	good := func() string { return i.sign(i.keys["two"], jose.RS256, "two", "at+JWT", i.claims(nil)) }
	if err := verify(good()); err != nil {
		t.Errorf("down for hours: %v", err)
	}
	i.now = i.now.Add(24 * time.Hour)
	if err := verify(good()); err == nil || errors.Is(err, token.ErrBadAccess) {
		t.Errorf("down for days: %v; that is not the token's fault", err)
	}
	i.down = false
	i.now = i.now.Add(2 * time.Minute)
	if err := verify(good()); err != nil {
		t.Errorf("up again: %v", err)
	}
}

// An opaque token is verified by the accounts server, at either endpoint.
func TestOpaqueTokens(t *testing.T) {
	opaque, unknown := strings.Repeat("ab", 32), strings.Repeat("ef", 32)
	for endpoint, said := range map[string]any{
		"verify":     map[string]any{"user": uid, "client_id": client, "scope": []string{"profile", onepw.OldSync}, "generation": 42},
		"introspect": map[string]any{"active": true, "sub": uid, "client_id": client, "scope": "profile " + onepw.OldSync, "token_type": "access_token"},
	} {
		t.Run(endpoint, func(t *testing.T) {
			i := newIssuer(t)
			name := map[string]string{"verify": "verify_endpoint", "introspect": "introspection_endpoint"}[endpoint]
			i.about = map[string]any{"issuer": root, "jwks_uri": root + "/keys", name: root + "/" + endpoint}
			i.tokens[opaque] = said
			v := i.verifier(nil)
			who, err := v.Verify(t.Context(), opaque)
			if err != nil || who.Account != uid {
				t.Errorf("%+v, %v", who, err)
			}
			if _, err := v.Verify(t.Context(), unknown); !errors.Is(err, token.ErrBadAccess) {
				t.Errorf("an unknown token: %v", err)
			}
			if endpoint == "introspect" {
				i.tokens[unknown] = map[string]any{"active": true, "sub": uid, "scope": onepw.OldSync, "token_type": "refresh_token"}
				if _, err := v.Verify(t.Context(), unknown); !errors.Is(err, token.ErrBadAccess) {
					t.Errorf("a refresh token: %v", err)
				}
			}
			i.down = true
			if _, err := v.Verify(t.Context(), opaque); err == nil || errors.Is(err, token.ErrBadAccess) {
				t.Errorf("down: %v", err)
			}
		})
	}
	i := newIssuer(t)
	i.about["verify_endpoint"] = root + "/moved"
	i.tokens[opaque] = map[string]any{"user": uid, "scope": []string{onepw.OldSync}}
	if _, err := i.verifier(nil).Verify(t.Context(), opaque); err == nil {
		t.Error("the token followed a redirection")
	}
}

func TestAllowedAccounts(t *testing.T) {
	i := newIssuer(t)
	v := i.verifier(func(c *external.Config) { c.AllowAll, c.Allow = false, []string{other} })
	if _, err := v.Verify(t.Context(), i.good()); !errors.Is(err, token.ErrBadAccess) || !strings.Contains(i.log.String(), uid) {
		t.Errorf("%v, log %s", err, &i.log)
	}
	if _, err := v.Verify(t.Context(), i.sign(i.keys["one"], jose.RS256, "one", "at+JWT", i.claims(map[string]any{"sub": other}))); err != nil {
		t.Error(err)
	}
	nobody := i.verifier(func(c *external.Config) { c.AllowAll = false })
	if _, err := nobody.Verify(t.Context(), i.good()); !errors.Is(err, token.ErrBadAccess) {
		t.Errorf("where nobody is allowed: %v", err)
	}
}

// A discovery document with unsafe endpoints is refused.
func TestDiscovery(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"another issuer": {"issuer": "https://evil.test"}, "no keys": {"jwks_uri": ""}, "without https": {"jwks_uri": "http://accounts.test/keys"},
	} {
		i := newIssuer(t)
		maps.Copy(i.about, change)
		if _, err := i.verifier(nil).Verify(t.Context(), i.good()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, bad := range []string{"", "accounts.test", "ftp://accounts.test", "https://u:p@accounts.test", "https://accounts.test?x=y"} {
		u, err := url.Parse(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := external.New(external.Config{Server: u}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	u, _ := url.Parse(root)
	if _, err := external.New(external.Config{Server: u, Allow: []string{"ann@example.org"}}); err == nil {
		t.Error("an address is taken for a uid")
	}
}

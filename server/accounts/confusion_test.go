package accounts_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/token"
)

// An access token chooses neither its algorithm nor its key, though its claims
// are right and the keys to check it by are public.
func TestTokenConfusion(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	good := w.access(w.signUp(email), onepw.OldSync)
	if _, err := w.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	var claims map[string]any
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	published := w.get("/oauth/v1/jwks", nil)
	if err := json.Unmarshal(published.Body.Bytes(), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%v in %s", err, published.Body)
	}
	kid := set.Keys[0].KeyID
	mine, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(alg jose.SignatureAlgorithm, kid string, embed bool) string {
		t.Helper()
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: mine, KeyID: kid}}, (&jose.SignerOptions{EmbedJWK: embed}).WithType("at+JWT"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(s).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	// Use the public key, which everybody has, as the secret of an HMAC.
	public, err := json.Marshal(set.Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"at+JWT","kid":"` + kid + `"}`))
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(header + "." + parts[1]))
	claims["sub"] = strings.Repeat("f", 32)
	changed, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"alg HS256":        header + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"another's key":    sign(jose.RS256, kid, false),
		"a key of its own": sign(jose.RS256, kid, true),
		"an unknown kid":   sign(jose.RS256, "mine", false),
		"a kid in SQL":     sign(jose.RS256, "' OR 1=1 --", false),
		"no kid":           sign(jose.RS256, "", false),
		"alg PS256":        sign(jose.PS256, kid, false),
		"other claims":     parts[0] + "." + base64.RawURLEncoding.EncodeToString(changed) + "." + parts[2],
	} {
		if _, err := w.Verify(t.Context(), text); !errors.Is(err, token.ErrBadAccess) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

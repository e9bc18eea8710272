// Package testpage does what the server's sign-in page does once its user is
// signed in, for tests that need no browser.
package testpage

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-jose/go-jose/v4"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// Finish completes the sign-in whose URL is address, with a session token, and seals the keys
// for the client. It returns the URL that the browser goes to.
func Finish(transport http.RoundTripper, address, session string, keys any) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	in := map[string]string{}
	for _, name := range []string{
		"client_id", "scope", "state", "access_type", "response_type", "code_challenge", "code_challenge_method", "redirect_uri",
	} {
		in[name] = u.Query().Get(name)
	}
	if in["keys_jwe"], err = seal(u.Query().Get("keys_jwk"), keys); err != nil {
		return "", err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	token, err := hex.DecodeString(session)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequest(http.MethodPost, u.Scheme+"://"+u.Host+"/auth/v1/oauth/authorization", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer fxs_"+onepw.SessionToken(token).ID)
	res, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var out struct {
		Redirect string `json:"redirect"`
		Message  string `json:"message"`
	}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", res.Status, out.Message)
	}
	return out.Redirect, nil
}

// seal returns a compact JWE of v for a public key.
func seal(keysJWK string, v any) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(keysJWK)
	if err != nil {
		return "", err
	}
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(raw, &jwk); err != nil {
		return "", err
	}
	if !jwk.IsPublic() {
		return "", fmt.Errorf("keys_jwk is not a public key")
	}
	sealer, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: jwk.Key}, nil)
	if err != nil {
		return "", err
	}
	clear, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sealed, err := sealer.Encrypt(clear)
	if err != nil {
		return "", err
	}
	return sealed.CompactSerialize()
}

// Keys is what a page seals: an account's sync key and its ID.
func Keys(kid string, key []byte) map[string]map[string]string {
	return map[string]map[string]string{onepw.OldSync: {
		"kty": "oct", "scope": onepw.OldSync, "kid": kid, "k": base64.RawURLEncoding.EncodeToString(key),
	}}
}

package interop_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestAndroidSignIn goes through the sign-in page as Firefox for Android opens it, in a Firefox
// without a configured server: an add-on takes the part of the app, as Firefox's own add-on
// does on Android. The app gets a code, and exchanges it for tokens and the sync key.
// TestAndroid of server/accounts covers its later requests.
//
// Source: fxa-client of application-services, August 2026.
func TestAndroidSignIn(t *testing.T) {
	t.Parallel()
	const fenix, oldSync = "a2270f727f45f648", "https://identity.mozilla.com/apps/oldsync"
	w := testenv.Listen(t)
	d := w.Device("our device", ann)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{})}
	addOn, err := filepath.Abs("testdata/android")
	check(t, err)
	_, err = p.Chrome(t.Context(), `
		const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
		const { FileUtils } = ChromeUtils.importESModule("resource://gre/modules/FileUtils.sys.mjs");
		await AddonManager.installTemporaryAddon(new FileUtils.File(args[0]));`, addOn)
	check(t, err)

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	jwk, err := json.Marshal(jose.JSONWebKey{Key: key.Public()})
	check(t, err)
	const verifier = "0123456789012345678901234567890123456789012"
	sum := sha256.Sum256([]byte(verifier))
	text := base64.RawURLEncoding.EncodeToString
	check(t, p.Navigate(t.Context(), w.URL+"/authorization?"+url.Values{
		"action": {"email"}, "response_type": {"code"}, "entrypoint": {"settings-menu"}, "client_id": {fenix},
		"scope": {"profile " + oldSync + " https://identity.mozilla.com/tokens/session"}, "state": {"st"}, "access_type": {"offline"},
		"code_challenge_method": {"S256"}, "code_challenge": {text(sum[:])}, "keys_jwk": {text(jwk)}, "context": {"oauth_webchannel_v1"},
	}.Encode()))
	p.enters(ann)
	p.types(onStep("password")+"input[type=password]", testenv.Password)
	p.click("#password-form button")
	p.sees(onStep("done"), "You are signed in")

	raw, err := p.Content(t.Context(), `return JSON.parse(document.documentElement.dataset.sent)`)
	check(t, err)
	var sent []struct {
		Command string `json:"command"`
		Data    struct {
			SessionToken string `json:"sessionToken"`
			UID          string `json:"uid"`
			Code         string `json:"code"`
			State        string `json:"state"`
			Redirect     string `json:"redirect"`
			Action       string `json:"action"`
		} `json:"data"`
	}
	check(t, json.Unmarshal(raw, &sent))
	var order []string
	for _, m := range sent {
		order = append(order, m.Command)
	}
	want := []string{"fxaccounts:fxa_status", "fxaccounts:can_link_account", "fxaccounts:login", "fxaccounts:oauth_login"}
	if !slices.Equal(order, want) {
		t.Fatalf("the page said %v, want %v", order, want)
	}
	session := d.Account.Session()
	if login := sent[2].Data; login.UID != session.UID || login.SessionToken == "" {
		t.Errorf("the app is told of %+v", login)
	}
	grant := sent[3].Data
	if grant.State != "st" || grant.Action != "signin" || grant.Redirect != "urn:ietf:wg:oauth:2.0:oob:oauth-redirect-webchannel" {
		t.Errorf("the app is granted %+v", grant)
	}

	var got struct {
		Refresh string `json:"refresh_token"`
		Session string `json:"session_token"`
		KeysJWE string `json:"keys_jwe"`
		Access  string `json:"access_token"`
	}
	ask := func(body map[string]string) {
		t.Helper()
		b, err := json.Marshal(body)
		check(t, err)
		res, err := http.Post(w.URL+"/auth/v1/oauth/token", "application/json", bytes.NewReader(b))
		check(t, err)
		defer res.Body.Close()
		check(t, json.NewDecoder(res.Body).Decode(&got))
	}
	ask(map[string]string{"grant_type": "authorization_code", "client_id": fenix, "code": grant.Code, "code_verifier": verifier})
	sealed, err := jose.ParseEncryptedCompact(got.KeysJWE, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	check(t, err)
	clear, err := sealed.Decrypt(key)
	check(t, err)
	var keys map[string]struct{ K, KID, Kty, Scope string }
	check(t, json.Unmarshal(clear, &keys))
	if k := keys[onepw.OldSync]; k.K != text(session.Key) || k.KID != session.KeyID || k.Kty != "oct" || k.Scope != oldSync {
		t.Errorf("the app has other keys: %v", len(keys))
	}
	if got.Session == "" {
		t.Error("the app got no session with its code")
	}
	got.Access = ""
	ask(map[string]string{"grant_type": "refresh_token", "client_id": fenix, "refresh_token": got.Refresh, "scope": oldSync})
	if got.Access == "" {
		t.Error("the refresh token gives no access token for sync")
	}
}

package account_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

// page does what the server's page does with a sign-in's URL once its user has
// entered the password, here a's, and returns the address that it ends on.
func (w *world) page(a *account.Account, address string, keys any) string {
	w.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		w.t.Fatal(err)
	}
	q := u.Query()
	raw, err := base64.RawURLEncoding.DecodeString(q.Get("keys_jwk"))
	if err != nil {
		w.t.Fatal(err)
	}
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(raw, &jwk); err != nil || !jwk.IsPublic() {
		w.t.Fatalf("keys_jwk is %s, %v", raw, err)
	}
	sealer, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: jwk.Key}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	clear, err := json.Marshal(keys)
	if err != nil {
		w.t.Fatal(err)
	}
	sealed, err := sealer.Encrypt(clear)
	if err != nil {
		w.t.Fatal(err)
	}
	in := map[string]string{}
	for _, name := range []string{"client_id", "scope", "state", "access_type", "response_type", "code_challenge", "code_challenge_method", "redirect_uri"} {
		in[name] = q.Get(name)
	}
	if in["keys_jwe"], err = sealed.CompactSerialize(); err != nil {
		w.t.Fatal(err)
	}
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	var out struct {
		Redirect string `json:"redirect"`
	}
	w.post(a, "/oauth/authorization", string(body), &out)
	return out.Redirect
}

// keysOf is what a page seals for the new device.
func keysOf(s account.Session) map[string]map[string]string {
	return map[string]map[string]string{onepw.OldSync: {
		"kty": "oct", "scope": onepw.OldSync, "kid": s.KeyID, "k": base64.RawURLEncoding.EncodeToString(s.Key),
	}}
}

func TestBrowserSignIn(t *testing.T) {
	w := newWorld(t, nil)
	a := w.create()
	in, err := w.client(nil).BrowserSignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end := w.page(a, in.URL, keysOf(a.Session()))
	b, err := in.Finish(t.Context(), " "+end+"\n")
	if err != nil {
		t.Fatal(err)
	}
	got, want := b.Session(), a.Session()
	if got.Email != email || got.UID != want.UID || got.KeyID != want.KeyID || !bytes.Equal(got.Key, want.Key) || got.Salt != want.Salt || got.Token == want.Token {
		t.Errorf("the session is %+v of %s", got, got.UID)
	}
	if _, err := b.AccessToken(t.Context(), false); err != nil {
		t.Error(err)
	}
	if err := b.RegisterDevice(t.Context(), "lap", "desktop"); err != nil {
		t.Error(err)
	}
	if _, err := in.Finish(t.Context(), end); err == nil {
		t.Error("the address is good twice")
	}
}

func TestBrowserSignInRefusals(t *testing.T) {
	w := newWorld(t, nil)
	a := w.create()
	begin := func() *account.BrowserSignIn {
		in, err := w.client(nil).BrowserSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	one, other := begin(), begin()
	for _, address := range []string{"", "::", "https://sync.test/", root + "/oauth/success/x?code=1", w.page(a, other.URL, keysOf(a.Session()))} {
		if _, err := one.Finish(t.Context(), address); !errors.Is(err, account.ErrNotThisSignIn) {
			t.Errorf("%.60s: %v", address, err)
		}
	}
	short := keysOf(a.Session())
	short[onepw.OldSync]["k"] = "AAAA"
	unnamed := keysOf(a.Session())
	unnamed[onepw.OldSync]["kid"] = "x"
	for name, keys := range map[string]any{"no keys": map[string]string{}, "other JSON": []int{1}, "a short key": short, "a key without an ID": unnamed} {
		in := begin()
		if _, err := in.Finish(t.Context(), w.page(a, in.URL, keys)); !errors.Is(err, account.ErrBadAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Whoever reads the address along the way cannot use it: it takes the verifier.
	in := begin()
	u, err := url.Parse(w.page(a, in.URL, keysOf(a.Session())))
	if err != nil {
		t.Fatal(err)
	}
	forged := begin()
	stolen := fmt.Sprintf("%s?code=%s&state=%s", root, u.Query().Get("code"), mustState(t, forged.URL))
	if e, ok := errors.AsType[*account.Error](func() error { _, err := forged.Finish(t.Context(), stolen); return err }()); !ok || e.Status != http.StatusBadRequest {
		t.Errorf("with another's code: %v", e)
	}
}

func mustState(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("state")
}

package accounts_test

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/publicname"
)

// Whatever an unauthenticated client sends is refused, and never causes an internal error.
func FuzzStranger(f *testing.F) {
	public, err := url.Parse(root)
	if err != nil {
		f.Fatal(err)
	}
	s, err := accounts.Open(f.Context(), accounts.Config{
		Dir: f.TempDir(), PublicURLs: publicname.Names{public}, Cost: 1, Limits: accounts.Limits{Window: 1, PerAccount: 1 << 30, PerAddress: 1 << 30},
		Now: func() time.Time { return time.Unix(1_700_000_000, 0) }, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	f.Add("/auth/v1/account/create", "", `{"email":"a@b","authPW":"`+authPW("a@b", "x")+`"}`)
	f.Add("/auth/v1/account/login", "", `{"email":"a@b","authPW":"`+authPW("a@b", "x")+`"}`)
	f.Add("/auth/v1/password/change/finish", "Bearer fxpc_00", `{"authPW":null,"clientSalt":"x"}`)
	f.Add("/auth/v1/oauth/token", "Hawk id=\"a\", ts=\"1\", nonce=\"n\", mac=\"m\"", `{"grant_type":"fxa-credentials","client_id":"5882386c6d801776"}`)
	f.Add("/oauth/v1/token", "", `{"client_id":"5882386c6d801776","code":"00","code_verifier":"x"}`)
	f.Add("/oauth/v1/introspect", "", `{"token":"e30.e30.e30"}`)
	f.Add("/oauth/v1/destroy", "", `{"token":"e30.e30.e30"}`)
	f.Add("/profile/v1/display_name", "Bearer e30.e30.e30", `{"displayName":"x"}`)
	f.Add("/auth/v1/account/device", "Bearer 00", `{"name":"x"}`)
	f.Fuzz(func(t *testing.T, path, authorization, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, root, bytes.NewReader([]byte(body)))
		r.URL.Path = path
		r.Header.Set("Authorization", authorization)
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
		}
	})
}

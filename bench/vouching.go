//go:build unix

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

// benchOrigin is where a server with accounts that are vouched for says that it is.
const benchOrigin = "http://sync.bench.example"

// keyID is the key ID of those accounts.
var keyID = "1-" + base64.RawURLEncoding.EncodeToString(make([]byte, 16))

// accessToken is that of account i.
func accessToken(i int) string { return fmt.Sprintf("%032x%032x", i+1, 0) }

// vouching is an accounts server that takes any access token: ten thousand accounts need not sign up.
type vouching struct{ *httptest.Server }

func newVouching() *vouching {
	v := &vouching{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer": v.URL, "jwks_uri": v.URL + "/jwks", "verify_endpoint": v.URL + "/v1/verify", "introspection_endpoint": v.URL + "/v1/introspect",
		})
	})
	mux.HandleFunc("POST /v1/verify", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Token string }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		_ = json.NewEncoder(w).Encode(map[string]any{"user": asked.Token[:32], "client_id": "bench", "scope": []string{onepw.OldSync}, "generation": 1})
	})
	v.Server = httptest.NewServer(mux)
	return v
}

// credentials asks the token server for a user's token.
func (v *vouching) credentials(ctx context.Context, client *http.Client, i int) (*user, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, benchOrigin+"/token/1.0/sync/1.5", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+accessToken(i))
	r.Header.Set("X-KeyID", keyID)
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var t struct {
		ID, Key  string
		Endpoint string `json:"api_endpoint"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&t); err != nil || t.ID == "" {
		return nil, fmt.Errorf("no token: %s: %w", answer.Status, err)
	}
	// A server that has too much to do answers 503 with a Retry-After of many seconds; coming sooner keeps it loaded.
	return &user{http: client, creds: hawk.Credentials{ID: t.ID, Key: []byte(t.Key)}, endpoint: t.Endpoint, again: time.Second}, nil
}

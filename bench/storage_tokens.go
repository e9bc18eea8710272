//go:build linux

package main

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

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
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sync.bench.example/token/1.0/sync/1.5", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", fmt.Sprintf("Bearer %032x%032x", i+1, 0))
	r.Header.Set("X-KeyID", "1-"+base64.RawURLEncoding.EncodeToString(make([]byte, 16)))
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

// peer is another storage server, such as Mozilla's. Its tokens are made here, with its master secret.
type peer struct {
	// URL is the root of its storage, before /1.5; Secret the file with the secret.
	URL, Secret string
	// Server and Postgres are the processes whose time is counted, or 0.
	Server, Postgres int
}

func (p *peer) target() (*target, error) {
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the peer %q must be like http://127.0.0.1:8000", p.URL)
	}
	secret, err := os.ReadFile(p.Secret)
	if err != nil {
		return nil, err
	}
	secret = []byte(strings.TrimSpace(string(secret)))
	t := &target{name: "peer", origin: u.Scheme + "://" + u.Host, nodes: []string{u.Host}, database: p.Postgres}
	if p.Server != 0 {
		t.servers = []int{p.Server}
	}
	t.credentials = func(_ context.Context, client *http.Client, i int) (*user, error) {
		id, key, err := peerToken(secret, t.origin, i+1)
		u := &user{http: client, creds: hawk.Credentials{ID: id, Key: []byte(key)}, endpoint: fmt.Sprintf("%s/1.5/%d", strings.TrimRight(p.URL, "/"), i+1)}
		// syncstorage-rs answers 503 to a write of a collection within 10 ms of the last one.
		u.again = 10 * time.Millisecond
		return u, err
	}
	return t, nil
}

// peerToken makes a token as Mozilla's token server does.
func peerToken(secret []byte, node string, uid int) (id, key string, err error) {
	const salt = "abcdef"
	text, err := json.Marshal(map[string]any{
		"node": node, "uid": uid, "expires": float64(time.Now().Add(24 * time.Hour).Unix()), "salt": salt,
		"fxa_uid": fmt.Sprintf("%032x", uid), "fxa_kid": "0000000000001-" + base64.RawURLEncoding.EncodeToString(make([]byte, 16)),
		"hashed_fxa_uid": fmt.Sprintf("%032x", uid), "hashed_device_id": strings.Repeat("0", 32), "tokenserver_origin": "rust",
	})
	if err != nil {
		return "", "", err
	}
	signing, err := hkdf.Key(sha256.New, secret, nil, "services.mozilla.com/tokenlib/v1/signing", sha256.Size)
	if err != nil {
		return "", "", err
	}
	m := hmac.New(sha256.New, signing)
	m.Write(text)
	id = base64.URLEncoding.EncodeToString(append(text, m.Sum(nil)...))
	derived, err := hkdf.Key(sha256.New, secret, []byte(salt), "services.mozilla.com/tokenlib/v1/derive/"+id, sha256.Size)
	return id, base64.URLEncoding.EncodeToString(derived), err
}

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
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
)

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

//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/hawk"
)

// user is a signed-in account with a token of its own.
type user struct {
	http     *http.Client
	creds    hawk.Credentials
	endpoint string
	body     []byte
	// again, unless 0, is how long it waits before it sends a request again that was answered 503.
	again time.Duration
	// refused are the answers of 503 so far, and waited the waits for them.
	refused int
	waited  time.Duration
}

func newUser(ctx context.Context, url, name string, transport http.RoundTripper) (*user, error) {
	c, err := account.New(account.Config{Server: url, Transport: transport, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	a, err := c.CreateAccount(ctx, name, password)
	if err != nil {
		return nil, err
	}
	access, err := a.AccessToken(ctx, false)
	if err != nil {
		return nil, err
	}
	kid, _, err := a.SyncKey(ctx)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.TokenServer()+"/1.0/sync/1.5", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+access)
	req.Header.Set("X-KeyID", kid)
	u := &user{http: &http.Client{Transport: transport}}
	resp, err := u.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var t struct {
		ID, Key  string
		Endpoint string `json:"api_endpoint"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&t); err != nil || t.ID == "" {
		return nil, fmt.Errorf("no token (%s): %w", resp.Status, err)
	}
	u.creds, u.endpoint = hawk.Credentials{ID: t.ID, Key: []byte(t.Key)}, t.Endpoint
	var body bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&body, "{\"id\":\"record-%03d\",\"payload\":%q}\n", i, `{"ciphertext":"`+strings.Repeat("QUJD", 160)+`","IV":"AAAAAAAAAAAAAAAAAAAAAQ==","hmac":"`+strings.Repeat("ab", 32)+`"}`)
	}
	u.body = body.Bytes()
	return u, nil
}

// records are n records of some 700 bytes, as lines.
func records(from, n int) []byte {
	var body bytes.Buffer
	for i := range n {
		fmt.Fprintf(&body, "{\"id\":\"record-%04d\",\"payload\":%q}\n", from+i,
			`{"ciphertext":"`+strings.Repeat("QUJD", 160)+`","IV":"AAAAAAAAAAAAAAAAAAAAAQ==","hmac":"`+strings.Repeat("ab", 32)+`"}`)
	}
	return body.Bytes()
}

// send sends a signed request, and decodes the answer unless into is nil.
func (u *user) send(ctx context.Context, method, path string, body []byte, into any) error {
	for {
		answer, err := u.sendOnce(ctx, method, path, body)
		if err != nil {
			return err
		}
		if u.again == 0 || answer.StatusCode != http.StatusServiceUnavailable {
			return read(answer, method+" "+path, into)
		}
		answer.Body.Close()
		u.refused++
		u.waited += u.again
		select {
		case <-time.After(u.again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (u *user) sendOnce(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/newlines")
	}
	nonce, err := hawk.Nonce(rand.Reader)
	if err != nil {
		return nil, err
	}
	hawk.Sign(r, u.creds, time.Now().Unix(), nonce, "")
	return u.http.Do(r)
}

// read reads and closes an answer to a request.
func read(answer *http.Response, request string, into any) error {
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return fmt.Errorf("%s: %s: %s", request, answer.Status, text)
	}
	if into != nil {
		return json.NewDecoder(answer.Body).Decode(into)
	}
	_, err := io.Copy(io.Discard, answer.Body)
	return err
}

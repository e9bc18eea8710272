//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/hawk"
)

// lasting is how long each load lasts.
const lasting = 3 * time.Second

// measureServer loads a server's process with POSTs, and then GETs, of 100
// records of some 700 bytes, each user one request after another.
func measureServer(ctx context.Context, users []int) error {
	rows := [][]string{{"users", "request", "requests/s", "records/s"}}
	for _, n := range users {
		more, err := loadServer(ctx, n)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	table(rows)
	return nil
}

func loadServer(ctx context.Context, users int) (rows [][]string, err error) {
	dir, err := os.MkdirTemp("", "syncmanager-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	srv, err := start(ctx, "serve", task{Dir: dir})
	if err != nil {
		return nil, err
	}
	var at task
	if err := srv.answer(&at); err != nil {
		return nil, err
	}
	all := make([]*user, users)
	transport := &http.Transport{MaxIdleConnsPerHost: users}
	for i := range all {
		if all[i], err = newUser(ctx, at.URL, fmt.Sprintf("user-%d@example.org", i), transport); err != nil {
			return nil, err
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		perSecond, err := load(ctx, all, method)
		if err != nil {
			return nil, err
		}
		rows = append(rows, []string{fmt.Sprint(users), method + " of 100", fmt.Sprintf("%.0f", perSecond), fmt.Sprintf("%.0f", 100*perSecond)})
	}
	_, err = srv.end()
	return rows, err
}

// load lets all users make the request over and over, and counts.
func load(ctx context.Context, all []*user, method string) (perSecond float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, lasting)
	defer cancel()
	var done atomic.Int64
	errs := make(chan error, len(all))
	var group sync.WaitGroup
	began := time.Now()
	for _, u := range all {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := u.request(ctx, method); err != nil {
					if ctx.Err() == nil {
						errs <- err
					}
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	perSecond = float64(done.Load()) / time.Since(began).Seconds()
	select {
	case err = <-errs:
	default:
	}
	return perSecond, err
}

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

func (u *user) request(ctx context.Context, method string) error {
	url, body := u.endpoint+"/storage/bench", io.Reader(bytes.NewReader(u.body))
	if method == http.MethodGet {
		url, body = url+"?full=1&limit=100", nil
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/newlines")
	req.Header.Set("Accept", "application/newlines, application/json")
	nonce, err := hawk.Nonce(rand.Reader)
	if err != nil {
		return err
	}
	hawk.Sign(req, u.creds, time.Now().Unix(), nonce, "")
	resp, err := u.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || method == http.MethodGet && n < int64(len(u.body)) {
		return fmt.Errorf("%s: %s with %d bytes", method, resp.Status, n)
	}
	return nil
}

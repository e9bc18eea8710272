//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

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

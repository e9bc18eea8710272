//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

const (
	// An edit is made every editPause, and a little more each time, so that edits fall into all phases of what ticks.
	editPause, editShift = 3 * time.Second, 37 * time.Millisecond
	// settleTime is how long devices run before the first edit, and a server before its memory is read.
	settleTime = 5 * time.Second
)

// runDevice is the process of a device that runs. The first makes logins, the second waits for them; both answer
// when.
func runDevice(ctx context.Context, line []byte) (any, error) {
	var t task
	if err := json.Unmarshal(line, &t); err != nil {
		return nil, err
	}
	c, err := account.New(account.Config{Server: t.URL, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	a, err := c.Login(ctx, t.Email, password)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return nil, err
	}
	store, err := openPasswords(ctx, t.Dir)
	if err != nil {
		return nil, err
	}
	m, err := syncmanager.New(ctx, syncmanager.Config{Account: a, State: syncmanager.FileState(filepath.Join(t.Dir, "state")), Key: key, Device: syncmanager.Device{Name: "bench"}})
	if err != nil {
		return nil, err
	}
	if err := m.Register(store); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	changes := store.Watch(ctx)
	go func() { ended <- m.Run(ctx, syncmanager.RunOptions{}) }()
	stop = func(ctx context.Context) error { return errors.Join(m.Close(), store.Close()) }
	times := map[string]int64{}
	if t.From == 0 {
		time.Sleep(settleTime)
		for i := range t.To {
			site := fmt.Sprintf("https://site-%d.example.org", i)
			times[site] = time.Now().UnixNano()
			if _, err := store.Add(ctx, passwords.Login{Hostname: site, FormSubmitURL: site, Username: "ann", Password: "correct horse"}); err != nil {
				return nil, err
			}
			time.Sleep(editPause + time.Duration(i%20)*editShift)
		}
		return times, nil
	}
	for range changes {
		for l, err := range store.List(ctx) {
			if err != nil {
				return nil, err
			}
			if _, known := times[l.Hostname]; !known {
				times[l.Hostname] = time.Now().UnixNano()
			}
		}
		if len(times) >= t.To {
			return times, nil
		}
	}
	return nil, <-ended
}

//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/server"
)

const (
	email    = "bench@example.org"
	password = "a password for nothing"
)

// task is what a process is told to do.
type task struct {
	// Dir is the process's folder; URL is the server, Email the account.
	Dir, URL, Email string
	// Database and Accounts are, of a server whose storage is measured, its database and the server of
	// its accounts.
	Database, Accounts string
	// Memory is what the server may use, in bytes; 0: its default, for a small machine.
	Memory int64
	// Work is the name of a workload, of which To is the number of units.
	Work string
	// From and To are the numbers of the items to make, the last one exclusive.
	From, To int
	// Engines are the collections that are filled or synced, Parallel of them at once.
	Engines  []string
	Parallel int
	// Profile begins the names of the profiles to write of a sync; "": none.
	Profile string
	// Create makes the account.
	Create bool
}

// key encrypts the devices' files.
var key = [32]byte{1, 2, 3}

// stop ends what a role left running.
var stop = func(context.Context) error { return nil }

// serve is the server's process.
func serve(ctx context.Context, line []byte) (any, error) {
	var t task
	if err := json.Unmarshal(line, &t); err != nil {
		return nil, err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // as 'syncmanager serve' does
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	cfg := server.Config{Memory: t.Memory, Dir: t.Dir, Database: t.Database, PublicURL: t.URL, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}
	if t.Accounts == "" {
		t.URL = "http://" + l.Addr().String()
		cfg.PublicURL = t.URL
	} else {
		t.URL = l.Addr().String()
		cfg.External = &server.External{URL: t.Accounts, AllowAll: true, Transport: http.DefaultTransport}
	}
	s, err := server.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	stop = func(ctx context.Context) error {
		cancel()
		return errors.Join(<-served, s.Close(ctx))
	}
	return t, nil
}

func openPasswords(ctx context.Context, dir string) (*passwords.Engine, error) {
	return passwords.Open(ctx, passwords.Config{
		Path: filepath.Join(dir, "passwords.sqlite"), Key: key, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
}

// importLogins makes logins out of a CSV file.
func importLogins(ctx context.Context, e *passwords.Engine, from, to int) error {
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, "\"url\",\"username\",\"password\",\"httpRealm\",\"formActionOrigin\",\"guid\",\"timeCreated\",\"timeLastUsed\",\"timePasswordChanged\"\n")
		for i := from; i < to; i++ {
			_, _ = fmt.Fprintf(w, "\"https://site-%d.example.org\",\"somebody-%d@example.org\",\"correct horse battery %d\",,\"https://site-%d.example.org\",,\"1795372558946\",\"1795372558946\",\"1795372558946\"\n", i, i%7, i, i)
		}
		_ = w.Close()
	}()
	_, err := e.ImportFrom(ctx, r, importing.Options{})
	return err
}

// synced is what a device's process says of its sync.
type synced struct {
	Uploaded, Applied, Requests int
	// Took and CPU are the sync alone, without the process's start and the sign-in.
	Took, CPU time.Duration
}

// syncDevice is a device's process: it signs in and syncs once.
func syncDevice(ctx context.Context, line []byte) (any, error) {
	var t task
	if err := json.Unmarshal(line, &t); err != nil {
		return nil, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	c, err := account.New(account.Config{Server: t.URL, Transport: transport, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	sign := c.Login
	if t.Create {
		sign = c.CreateAccount
	}
	a, err := sign(ctx, t.Email, password)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return nil, err
	}
	stores, err := openStores(ctx, t.Dir, t.Engines)
	if err != nil {
		return nil, err
	}
	m, err := syncmanager.New(ctx, syncmanager.Config{
		Account: a, State: syncmanager.FileState(filepath.Join(t.Dir, "state")), Key: key, Device: syncmanager.Device{Name: "bench"}, Transport: transport,
		Parallel: t.Parallel,
	})
	if err != nil {
		return nil, err
	}
	for _, s := range stores {
		if err := m.Register(s); err != nil {
			return nil, err
		}
	}
	before := cpu()
	var r syncmanager.Result
	err = profiled(t.Profile, func() (err error) { r, err = m.Sync(ctx, syncmanager.Options{}); return err })
	worked := cpu() - before
	done := synced{Requests: r.Requests, Took: r.Took, CPU: worked}
	for name, e := range r.Engines {
		done.Uploaded += e.Uploaded
		done.Applied += e.Applied
		if e.Status != syncmanager.StatusOK || e.Failed > 0 {
			err = errors.Join(err, fmt.Errorf("%s: %d failed %v: %w", name, e.Failed, e.Problems, e.Err))
		}
	}
	return done, errors.Join(err, m.Close(), closeAll(stores))
}

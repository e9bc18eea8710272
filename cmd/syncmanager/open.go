package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

// envKeyring lets a new profile keep its local key in the system's keyring.
const envKeyring = "SYNCMANAGER_KEYRING"

// open opens the profile that the flags and the environment name.
func (a *app) open(ctx context.Context, progress func(syncmanager.Progress)) (*profile.Profile, error) {
	dir, err := a.profileDir()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "this device"
	}
	return profile.Open(ctx, profile.Config{
		Dir: dir, Wait: a.wait, Waiting: func() { a.note("Waiting for another syncmanager that uses this profile…") },
		Keyring: a.getenv(envKeyring) == "1", Hostname: host, Version: buildInfo().Version,
		Now: time.Now, Rand: rand.Reader, Transport: transport(), Log: a.log(), Progress: progress,
	})
}

// profileDir is the folder that the flag, the environment or the system names.
func (a *app) profileDir() (string, error) {
	if a.dir != "" {
		return a.dir, nil
	}
	return profile.DefaultDir(a.getenv)
}

// with runs work on the open profile, as a command's RunE.
func (a *app) with(work func(ctx context.Context, p *profile.Profile, args []string) error) func(*cobra.Command, []string) error {
	return a.do(func(c *cobra.Command, args []string) (err error) {
		p, err := a.open(c.Context(), nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.Close()) }()
		return work(c.Context(), p, args)
	})
}

// transport carries all requests. A server that does not answer is given up; one
// that answers slowly is not.
func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.ResponseHeaderTimeout = 2 * time.Minute
	t.MaxIdleConnsPerHost = 8
	return t
}

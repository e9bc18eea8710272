package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/server"
)

func (a *app) serveCommand() *cobra.Command {
	var addr, dir, public string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Be a server that this program and Firefox sign in to",
		Long: `Be a server that this program and Firefox sign in to: accounts, tokens and
storage, with all data in one folder. Ctrl-C or SIGTERM finishes what is in
flight and stops.

Devices must reach the server under its public URL. Behind a proxy, name it with
--public-url; without, it is the address that the server listens on.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			if dir == "" {
				data, err := profile.DataDir(a.getenv)
				if err != nil {
					return err
				}
				dir = filepath.Join(data, "server")
			}
			return a.serve(c.Context(), addr, dir, public)
		}),
	}
	flags := c.Flags()
	flags.StringVar(&addr, "addr", "127.0.0.1:5000", "listen on `HOST:PORT`; port 0 takes a free one")
	flags.StringVar(&dir, "data", "", "keep the data in the folder `DIR`")
	flags.StringVar(&public, "public-url", "", "the `URL` under which devices reach the server")
	_ = c.MarkFlagDirname("data")
	return c
}

func (a *app) serve(ctx context.Context, addr, dir, public string) (err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	// Serve closes it too; this is for the way out before.
	defer func() { _ = l.Close() }()
	if public == "" {
		if at, ok := l.Addr().(*net.TCPAddr); ok && at.IP.IsUnspecified() {
			return usagef("%s is no address that devices can reach the server at; name one with --public-url", l.Addr())
		}
		public = "http://" + l.Addr().String()
	}
	s, err := server.New(ctx, server.Config{
		Dir: dir, PublicURL: public, Version: buildInfo().Version, Now: time.Now, Rand: rand.Reader, Log: a.serverLog(),
	})
	if errors.Is(err, dirlock.ErrLocked) {
		return fmt.Errorf("another server is using the data in %s; stop it, or choose another folder with --data", dir)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
	if err := a.announce(public, l.Addr().String(), dir); err != nil {
		return err
	}
	return s.Serve(ctx, l)
}

// announce says where the server is and what to do next. The socket listens
// already: a script that read this may connect.
func (a *app) announce(public, listen, dir string) error {
	if a.json {
		return a.printJSON(struct {
			URL    string `json:"url"`
			Listen string `json:"listen"`
			Data   string `json:"data"`
		}{public, listen, dir})
	}
	if err := a.print("Serving %s with the data in %s. Ctrl-C stops.", public, dir); err != nil {
		return err
	}
	a.note("This program:  syncmanager login --server %s --email YOU --create", public)
	a.note("Firefox:       in about:config, set identity.fxaccounts.autoconfig.uri to %s", public)
	if strings.HasPrefix(public, "http:") {
		a.note("               and, for want of https, identity.fxaccounts.allowHttp to true")
	}
	return nil
}

// serverLog is the server's log: warnings unless more is asked for, nothing but
// errors with -q.
func (a *app) serverLog() *slog.Logger {
	level := slog.LevelWarn
	switch {
	case a.loud:
		level = slog.LevelDebug
	case a.quiet:
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/api/door"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

// listenFlag adds the flag --listen.
func listenFlag(c *cobra.Command, listen *string) {
	c.Flags().StringVar(listen, "listen", "", "serve programs that have a token at this `ADDRESS` of this machine, such as 127.0.0.1:4711, too")
}

// loopbackAddress checks an address that programs of this machine may ask for the API, such as
// 127.0.0.1:4711 or localhost:0, and returns it with the IP address. "" gives none, which is not valid.
func loopbackAddress(address string) (at netip.AddrPort, err error) {
	if address == "" {
		return at, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err == nil && host == "localhost" {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	at, err = netip.ParseAddrPort(address)
	if err != nil {
		return at, usage.Errorf("--listen takes an address such as 127.0.0.1:4711, not %q", address)
	}
	if !at.Addr().IsLoopback() {
		return at, usage.Errorf("--listen takes an address of this machine alone, such as 127.0.0.1:%d, not %s", at.Port(), address)
	}
	return at, nil
}

// serveLoopback serves the API to programs with a token at an address of this machine alone, until
// ctx ends. It returns the address, with the port that was found if the given one is 0.
func serveLoopback(ctx context.Context, at netip.AddrPort, c door.Config) (address string, done <-chan struct{}, err error) {
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		return "", nil, fmt.Errorf("cannot listen for programs: %w", err)
	}
	address = l.Addr().String()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", nil, errors.Join(err, l.Close())
	}
	c.Local = nil // everybody on this machine can connect
	c.Hosts = []string{address, net.JoinHostPort("localhost", port)}
	s := door.Server(door.New(c))
	s.BaseContext = func(net.Listener) context.Context { return ctx }
	s.ErrorLog = slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		stop := context.AfterFunc(ctx, func() { _ = s.Close() })
		defer stop()
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			c.Log.Error("programs with a token are no longer served", "address", address, "err", err)
		}
	}()
	return address, ended, nil
}

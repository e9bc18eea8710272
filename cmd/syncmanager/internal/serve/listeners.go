package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/admin"
)

// listeners are the addresses that a server answers on: the service's own, and those
// beside it, which are for its operator, for metrics and for redirects.
type listeners struct {
	log    *slog.Logger
	beside []net.Listener
	// run are the functions that serve them until their context ends.
	run []func(context.Context) error

	shown    certificate // nil: no TLS
	redirect http.Handler
	// metrics and redirects are nil where there are none.
	metrics, redirects net.Listener
}

// prepare does what may fail by a wrong option, before there is a server with its data:
// it reads the certificates, and takes the addresses beside the service's own.
func (l *listeners) prepare(ctx context.Context, o Options, cfg server.Config) (err error) {
	if l.shown, l.redirect, err = o.tls.open(cfg, o.names); err != nil {
		return err
	}
	if l.metrics, err = l.listenTCP(ctx, o.metrics); err != nil {
		return err
	}
	l.redirects, err = l.listenTCP(ctx, o.tls.redirect)
	return err
}

// open makes the server answer on plain and on what was prepared.
func (l *listeners) open(ctx context.Context, s *server.Server, cfg server.Config, plain net.Listener) {
	service := plain
	if l.shown != nil {
		service = tls.NewListener(plain, l.shown.TLS())
		s.SetCertificate(l.shown.Expires)
	}
	l.run = append(l.run, func(ctx context.Context) error { return s.Serve(ctx, service) })
	if orders, err := admin.Listen(ctx, cfg.Dir); err != nil {
		cfg.Log.WarnContext(ctx, "'syncmanager server' can look after the users only while the server is stopped", "err", err)
	} else {
		l.beside = append(l.beside, orders)
		l.add(orders, admin.Handler(s, cfg.Log))
	}
	if l.metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", s.Metrics())
		l.add(l.metrics, mux)
	}
	if l.redirects != nil {
		l.add(l.redirects, l.redirect)
	}
}

// listenTCP takes an address unless it is "".
func (l *listeners) listenTCP(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	at, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	l.beside = append(l.beside, at)
	return at, nil
}

func (l *listeners) add(at net.Listener, h http.Handler) {
	l.run = append(l.run, func(ctx context.Context) error { return serveBeside(ctx, at, h, l.log) })
}

// close closes the listeners beside the service. It may follow serve, which closes
// them too.
func (l *listeners) close() {
	for _, at := range l.beside {
		_ = at.Close()
	}
}

// serve serves all until ctx ends; when one fails, the others end too.
func (l *listeners) serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range l.run {
		g.Go(func() error { return run(ctx) })
	}
	return g.Wait()
}

// serveBeside answers on a listener beside the service until ctx ends.
func serveBeside(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 5 * time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve on %s: %w", l.Addr(), err)
	}
	return nil
}

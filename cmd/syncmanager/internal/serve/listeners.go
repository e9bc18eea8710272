package serve

import (
	"context"
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
}

// open opens the listeners of a server whose service listens on plain.
func (l *listeners) open(ctx context.Context, o Options, s *server.Server, cfg server.Config, plain net.Listener) error {
	service, redirect, err := o.tls.wrap(plain, s, cfg, o.names)
	if err != nil {
		return err
	}
	l.run = append(l.run, func(ctx context.Context) error { return s.Serve(ctx, service) })
	if orders, err := admin.Listen(ctx, cfg.Dir); err != nil {
		cfg.Log.WarnContext(ctx, "'syncmanager server' can look after the users only while the server is stopped", "err", err)
	} else {
		l.add(orders, admin.Handler(s, cfg.Log))
	}
	if o.metrics != "" {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", s.Metrics())
		if err := l.addTCP(ctx, o.metrics, mux); err != nil {
			return err
		}
	}
	if o.tls.redirect != "" {
		return l.addTCP(ctx, o.tls.redirect, redirect)
	}
	return nil
}

func (l *listeners) addTCP(ctx context.Context, addr string, h http.Handler) error {
	at, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	l.add(at, h)
	return nil
}

func (l *listeners) add(at net.Listener, h http.Handler) {
	l.beside = append(l.beside, at)
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

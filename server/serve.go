package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds against clients that are slow on purpose. The largest request is about 2.5 MB, the
// largest response a whole collection.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 5 * time.Minute
	writeTimeout  = 10 * time.Minute
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
	// maxStreams bounds the requests in progress on an HTTP/2 connection, and streamBuffer
	// the bytes of bodies that are buffered before a handler reads them.
	maxStreams   = 32
	streamBuffer = 128 << 10
	// stopTimeout is how long Serve waits for requests in progress when it stops. Docker
	// kills the process after ten seconds.
	stopTimeout = 8 * time.Second
)

// Serve answers requests on l until ctx ends. It then accepts no new requests, waits up to
// eight seconds for those in progress, and returns nil. It does not call [Server.Close].
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         s.conns.state,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: streamBuffer, MaxReceiveBufferPerStream: streamBuffer,
		},
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching.Go(func() { s.watchNodes(ctx) })
	watching.Go(func() { s.watchEnded(ctx) })
	watching.Go(func() { s.watchListeners(ctx) })
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("cannot serve: %w", err)
	case <-ctx.Done():
	}
	patience, stop := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer stop()
	s.events.hub.Close() // they would not end by themselves
	if err := h.Shutdown(patience); err != nil {
		s.cfg.Log.WarnContext(ctx, "some requests did not end in time and were cut off", "after", stopTimeout)
		_ = h.Close() // the listeners are closed already
	}
	return nil
}

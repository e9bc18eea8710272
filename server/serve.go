package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds against clients that are slow by design. The largest request is some
// 2.5 MB, the largest answer a whole collection.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 5 * time.Minute
	writeTimeout  = 10 * time.Minute
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
	// maxStreams bounds the requests under way on a connection of HTTP/2, and
	// streamBuffer the bytes of bodies that it holds before they are asked for.
	maxStreams   = 32
	streamBuffer = 128 << 10
	// stopTimeout is how long an orderly stop waits for what is in flight. Docker kills
	// after ten seconds.
	stopTimeout = 8 * time.Second
)

// Serve answers requests on l until ctx ends; then it takes no new ones,
// finishes those in flight that end in time, and returns nil. It does not Close the server.
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
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("cannot serve: %w", err)
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := h.Shutdown(patience); err != nil {
		s.cfg.Log.WarnContext(ctx, "some requests did not end in time, and are cut off", "after", stopTimeout)
		_ = h.Close() // the listeners are closed already
	}
	return nil
}

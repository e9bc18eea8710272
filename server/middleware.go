package server

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// observe logs and counts each request, and turns a panic into a 500 and a line in the log.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.cfg.Now()
		c := &counter{ResponseWriter: w}
		path := r.URL.Path
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if s.names.Of(r.Context()).Scheme == "https" {
			// Also behind a proxy that terminates TLS. The value is one year, in seconds.
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		var span trace.Span
		if s.tracer != nil {
			r, span = s.startSpan(r)
		}
		s.metrics.inFlight.Inc()
		defer func() {
			v := recover()
			s.metrics.inFlight.Dec()
			if v != nil && !aborts(v) {
				s.cfg.Log.ErrorContext(r.Context(), "a request panicked", "method", r.Method, "path", r.URL.Path,
					"panic", v, "stack", string(debug.Stack()))
				if c.code == 0 {
					writeJSON(c, http.StatusInternalServerError, struct{}{})
				}
			}
			// Log the path only: a query may contain an e-mail address, and headers and
			// bodies contain secrets.
			s.cfg.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", c.status()),
				slog.Int64("bytes", c.bytes), slog.Duration("took", s.cfg.Now().Sub(began)), slog.String("from", r.RemoteAddr))
			if span != nil {
				endSpan(span, c.status())
			}
			s.metrics.observe(r, path, c.status(), c.bytes, s.cfg.Now().Sub(began))
			if v != nil && (aborts(v) || c.broken()) {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(c, r)
	})
}

// aborts reports whether a panic is meant to break the connection.
func aborts(panicked any) bool {
	err, ok := panicked.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// counter records the status and the size of a response.
type counter struct {
	http.ResponseWriter
	code  int
	bytes int64
}

func (c *counter) WriteHeader(code int) {
	if c.code == 0 && (code >= 200 || code == http.StatusSwitchingProtocols) {
		c.code = code
	}
	c.ResponseWriter.WriteHeader(code)
}

func (c *counter) Write(b []byte) (int, error) {
	if c.code == 0 {
		c.code = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

// Unwrap is for [http.ResponseController].
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counter) status() int {
	if c.code == 0 {
		return http.StatusOK
	}
	return c.code
}

// broken reports whether a panic interrupted a response that had begun without an error. Only
// a broken connection tells the client that it is incomplete.
func (c *counter) broken() bool { return c.code != 0 && c.code < 500 }

// forwarded replaces a trusted proxy's address with the client address from X-Forwarded-For.
// It uses the rightmost address that is not a trusted proxy; clients can forge the rest.
func (s *Server) forwarded(next http.Handler) http.Handler {
	if len(s.cfg.Proxies) == 0 && !s.cfg.SocketProxy {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.proxied(r) {
			peer, _ := netip.ParseAddrPort(r.RemoteAddr)
			chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			for _, text := range slices.Backward(chain) {
				a, err := netip.ParseAddr(strings.TrimSpace(text))
				if err != nil {
					break
				}
				r.RemoteAddr = netip.AddrPortFrom(a, peer.Port()).String()
				if !trusted(s.cfg.Proxies, a) {
					break
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// proxied reports whether a trusted proxy forwarded the request.
func (s *Server) proxied(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return s.cfg.SocketProxy
	}
	return trusted(s.cfg.Proxies, peer.Addr())
}

func trusted(proxies []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(b)
}

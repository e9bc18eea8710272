package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ErrReadOnly means that the server takes no writes for now, since it is being moved.
var ErrReadOnly = errors.New("the server takes no writes: it is being moved")

// readOnlyRetry is how many seconds clients wait while the server takes no writes.
const readOnlyRetry = "60"

// readOnly is the state of a server that is being moved.
type readOnly struct {
	// writers is held for reading by each write.
	writers sync.RWMutex
	mu      sync.Mutex
	until   time.Time
}

func (o *readOnly) is(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return now.Before(o.until)
}

// SetReadOnly lets the server take no writes for a time: they are answered with 503, and reads go on. When it returns,
// no write is under way. kept says that no write was taken since the last call, which ended before its time. A time of 0
// lets writes through again.
func (s *Server) SetReadOnly(_ context.Context, life time.Duration) (kept bool, err error) {
	now := s.cfg.Now()
	s.readOnly.mu.Lock()
	kept = now.Before(s.readOnly.until)
	s.readOnly.until = now.Add(max(0, life))
	s.readOnly.mu.Unlock()
	s.readOnly.writers.Lock()   // all who found it writable have ended
	s.readOnly.writers.Unlock() //nolint:staticcheck // the lock is what is waited for
	return kept, nil
}

// Writing begins a write, unless the server takes none: then the error is [ErrReadOnly]. The caller calls done at
// its end.
func (s *Server) Writing() (done func(), err error) {
	s.readOnly.writers.RLock()
	if s.readOnly.is(s.cfg.Now()) {
		s.readOnly.writers.RUnlock()
		return nil, ErrReadOnly
	}
	return s.readOnly.writers.RUnlock, nil
}

// writable refuses requests that may write while the server takes no writes. A request for a token
// writes only if the account or its key is new; the token server refuses that itself.
func (s *Server) writable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.HasPrefix(r.URL.Path, "/1.0/") || strings.HasPrefix(r.URL.Path, "/token/")
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			if !token {
				next.ServeHTTP(w, r)
				return
			}
		}
		done, err := s.Writing()
		if err != nil && !token {
			w.Header().Set("Retry-After", readOnlyRetry)
			writeJSON(w, http.StatusServiceUnavailable, struct{}{})
			return
		}
		if err == nil {
			defer done()
		}
		next.ServeHTTP(w, r)
	})
}

package server

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage"
)

// Health says whether the server can do its work.
type Health struct {
	OK bool `json:"ok"`
	// Checks has the result of each check by name: "Ok", or "Err" if it failed. The log says
	// why.
	Checks map[string]string `json:"checks"`
	// Reason says why the first failed check failed, as a stable word: disk_full, damaged,
	// busy, unreachable, read_only or failed.
	Reason string `json:"reason,omitempty"`
}

const (
	// probeEvery is how long a result is reused: a probe writes, and anyone may ask for one.
	probeEvery = 5 * time.Second
	// probeTimeout bounds one probe.
	probeTimeout = 8 * time.Second
)

// health caches the last result.
type health struct {
	mu    sync.Mutex
	last  Health
	until time.Time
}

// forget makes the next Health run a probe.
func (h *health) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = time.Time{}
}

// Health checks what sign-ins and uploads need, at most every five seconds: it writes to the
// databases that all users share, reads them past the cache, and writes a file next to the
// users' files. The error is always nil; the result exists for callers that ask a server in
// another process.
func (s *Server) Health(ctx context.Context) (Health, error) {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	now := s.cfg.Now()
	if now.Before(s.health.until) && s.health.until.Sub(now) <= probeEvery {
		return s.health.last, nil
	}
	// Other callers wait for the result, so it does not end with this caller's context.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	s.health.last, s.health.until = s.probe(ctx), now.Add(probeEvery)
	return s.health.last, nil
}

func (s *Server) probe(ctx context.Context) Health {
	h := Health{OK: true, Checks: map[string]string{}}
	tries := map[string]func(context.Context) error{"tokens": s.tokens.Ping, "storage": s.probeStorage}
	if s.accounts != nil {
		tries["accounts"] = s.accounts.Ping
	}
	for _, name := range []string{"accounts", "tokens", "storage"} {
		try, ok := tries[name]
		if !ok {
			continue
		}
		h.Checks[name] = "Ok"
		if err := try(ctx); err != nil {
			s.cfg.Log.ErrorContext(ctx, "heartbeat failed", "check", name, "reason", reasonOf(err), "err", err)
			h.OK, h.Checks[name] = false, "Err"
			if h.Reason == "" {
				h.Reason = reasonOf(err)
			}
		}
	}
	return h
}

// probeStorage checks the storage. A disk with no more free space than the reserve counts as
// full, since sign-ups and uploads are then refused.
func (s *Server) probeStorage(ctx context.Context) error {
	if s.diskFull() {
		return sqlite.ErrFull
	}
	return s.backend.Probe(ctx)
}

// reasonOf returns the stable word for an error of a disk or a database.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, sqlite.ErrFull), errors.Is(err, storage.ErrFull), errors.Is(err, syscall.ENOSPC):
		return "disk_full"
	case errors.Is(err, sqlite.ErrCorrupt), errors.Is(err, storage.ErrDamaged):
		return "damaged"
	case errors.Is(err, sqlite.ErrBusy), errors.Is(err, storage.ErrBusy):
		return "busy"
	case errors.Is(err, storage.ErrUnreachable):
		return "unreachable"
	case errors.Is(err, syscall.EROFS):
		return "read_only"
	}
	return "failed"
}

// heartbeat answers monitoring systems with the server's health.
func (s *Server) heartbeat(w http.ResponseWriter, r *http.Request) {
	h, _ := s.Health(r.Context())
	code := http.StatusOK
	body := map[string]string{"version": s.cfg.Version}
	if !h.OK {
		code, body["reason"] = http.StatusServiceUnavailable, h.Reason
	}
	maps.Copy(body, h.Checks)
	writeJSON(w, code, body)
}

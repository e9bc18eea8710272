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

// Health is whether the server can do its work.
type Health struct {
	OK bool `json:"ok"`
	// Checks are what was tried, by name: "Ok", or "Err" where it failed. The log
	// says why.
	Checks map[string]string `json:"checks"`
	// Reason is why the first of them failed, in a word that stays the same:
	// disk_full, damaged, busy, read_only or failed.
	Reason string `json:"reason,omitempty"`
}

const (
	// probeEvery is how long a verdict holds: a probe writes, and strangers may ask.
	probeEvery = 5 * time.Second
	// probeTimeout bounds one probe.
	probeTimeout = 8 * time.Second
)

// health remembers the last verdict.
type health struct {
	mu    sync.Mutex
	last  Health
	until time.Time
}

// forget makes the next question a probe.
func (h *health) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = time.Time{}
}

// Health tries what sign-ins and writes need, at most every five seconds: to write to
// the databases that all users share, to read them past what is cached, and to write
// a file where the users' files are. Its error is always nil: it is there for a server
// in another process.
func (s *Server) Health(ctx context.Context) (Health, error) {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	now := s.cfg.Now()
	if now.Before(s.health.until) && s.health.until.Sub(now) <= probeEvery {
		return s.health.last, nil
	}
	// Others wait for the verdict, so it does not depend on one's patience.
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

// probeStorage tries the storage. A disk with no more than the reserve left is full: sign-ups and
// writes are refused.
func (s *Server) probeStorage(ctx context.Context) error {
	if s.diskFull() {
		return sqlite.ErrFull
	}
	return s.backend.Probe(ctx)
}

// reasonOf is the word for an error of a disk or a database.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, sqlite.ErrFull), errors.Is(err, storage.ErrFull), errors.Is(err, syscall.ENOSPC):
		return "disk_full"
	case errors.Is(err, sqlite.ErrCorrupt), errors.Is(err, storage.ErrDamaged):
		return "damaged"
	case errors.Is(err, sqlite.ErrBusy), errors.Is(err, storage.ErrBusy):
		return "busy"
	case errors.Is(err, syscall.EROFS):
		return "read_only"
	}
	return "failed"
}

// heartbeat tells monitors of the server's health.
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

package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/syncmanager/syncmanager/internal/capacity"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/internal/intake"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/channels"
	"github.com/syncmanager/syncmanager/server/mail"
	"github.com/syncmanager/syncmanager/server/outbox"
	"github.com/syncmanager/syncmanager/server/publicname"
	"github.com/syncmanager/syncmanager/server/push"
	"github.com/syncmanager/syncmanager/server/security"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/telemetry"
	"github.com/syncmanager/syncmanager/server/token"
)

// storagePrefix is the path before "/1.5/<uid>".
const storagePrefix = "/storage"

// Server is an open data folder and the services on it. The caller must call [Server.Close].
type Server struct {
	cfg      Config
	names    publicname.Names
	accounts *accounts.Service
	push     *push.Sender     // nil: none
	mail     *mail.Sender     // nil: none
	outbox   *outbox.Database // of both; nil: none
	tokens   *token.Service
	storage  *storage.Service
	events   *listening      // of storage; nil until it is open
	checked  checked         // of events
	backend  storage.Backend // of storage, which closes it
	pages    http.Handler
	channels *channels.Relay // nil: none
	board    *channels.Board // of the channels; nil: this server has them alone
	metrics  *metrics
	// telemetry observes the databases, and tracer makes spans of requests; nil: none.
	telemetry *telemetry.Observer
	tracer    trace.Tracer
	security  *security.Log
	health    health
	operators http.Handler // the operator's pages; nil: none
	// certificate returns when the certificate expires; nil: there is none.
	certificate atomic.Pointer[func() time.Time]
	// nodeKey is what the secrets of storage nodes are derived from. nodeHandler and movedAway are those of a
	// server that is one.
	nodeKey     []byte
	readOnly    readOnly
	nodeHandler http.Handler
	movedAway   movedAway
	endings     endings
	told        told
	drains      sync.Mutex // held by the one drain that runs
	nodeConns   sync.Once  // sets nodeTripper
	nodeTripper *http.Transport
	// defaultQuota is the quota of users without their own, in bytes; 0 means any amount.
	defaultQuota atomic.Int64
	room         sharedRoom // for batches
	conns        *conns
	requests     *requests
	bodies       *intake.Budget
	handler      http.Handler
	unlock       func() error

	closing   sync.Once
	closeErr  error
	stopPurge context.CancelFunc
	// background ends with stopPurge.
	background context.Context
	purging    sync.WaitGroup
}

// defaultMemory fits a small machine.
const defaultMemory = 256 << 20

// New opens the data folder, creates it if needed, and starts the hourly [Server.Purge]. It
// fails if another process has the folder open. ctx bounds the opening only.
func New(ctx context.Context, cfg Config) (_ *Server, err error) {
	s := &Server{cfg: cfg, backend: cfg.Backend, stopPurge: func() {}, unlock: func() error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	cfg := &s.cfg
	s.names, err = cfg.names()
	if err != nil {
		return err
	}
	if err := cfg.check(); err != nil {
		return err
	}
	if cfg.Memory == 0 {
		cfg.Memory = defaultMemory
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // here the app's real clock comes in
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader //nolint:forbidigo // and its real randomness
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Disk == nil {
		cfg.Disk = capacity.Disk
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w", err)
	}
	if err := checkFolder(cfg.Dir); err != nil {
		return err
	}
	unlock, err := dirlock.Acquire(cfg.Dir, "lock")
	if err != nil {
		return err
	}
	s.unlock = unlock
	s.metrics = newMetrics(cfg.Version, func(ctx context.Context) (int, error) { return s.tokens.Count(ctx) })
	s.security = security.New(cfg.Log, cfg.Now, s.metrics.secure)
	cfg.Log = s.metrics.watch(cfg.Log)
	if cfg.Traces != nil {
		s.tracer = cfg.Traces.Tracer("github.com/syncmanager/syncmanager/server")
	}
	s.telemetry = telemetry.New(telemetry.Config{Now: cfg.Now, Tracer: s.tracer})
	s.metrics.registry.MustRegister(s.telemetry)
	if err := s.open(ctx); err != nil {
		return err
	}
	set, err := s.tokens.DefaultQuota(ctx)
	if err != nil {
		return err
	}
	s.setDefaultQuota(set)
	s.limit()
	s.conns.refused = s.metrics.refused.Inc
	s.metrics.measure(s)
	s.startPurge()
	if cfg.OperatorPages != nil && s.accounts != nil {
		if s.operators, err = cfg.OperatorPages(s, s.pages); err != nil {
			return err
		}
	}
	s.handler = s.newHandler()
	return nil
}

// Close waits for storage requests in progress, at most until ctx ends, and closes the data
// folder. Further calls return the same error.
func (s *Server) Close(ctx context.Context) error {
	s.closing.Do(func() {
		s.stopPurge()
		s.purging.Wait()
		s.health.forget()
		if s.channels != nil {
			s.channels.Close()
		}
		var errs []error
		if s.board != nil {
			errs = append(errs, s.board.Close())
		}
		if s.events != nil {
			s.events.close()
		}
		if s.backend != nil {
			errs = append(errs, s.backend.Close(ctx))
		}
		if s.tokens != nil {
			errs = append(errs, s.tokens.Close())
		}
		if s.push != nil {
			s.push.Close(ctx) // before the accounts, which store the subscriptions that ended
		}
		if s.mail != nil {
			s.mail.Close(ctx)
		}
		if s.outbox != nil {
			errs = append(errs, s.outbox.Close())
		}
		if s.accounts != nil {
			errs = append(errs, s.accounts.Close())
		}
		s.closeErr = errors.Join(append(errs, s.unlock())...)
	})
	return s.closeErr
}

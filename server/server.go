package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/outbox"
	"github.com/syncmanager/syncmanager/server/pages"
	"github.com/syncmanager/syncmanager/server/publicname"
	"github.com/syncmanager/syncmanager/server/push"
	"github.com/syncmanager/syncmanager/server/security"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/postgres"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
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
	purging   sync.WaitGroup
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
	s.security = security.New(cfg.Log, s.metrics.secure)
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
	s.handler = s.newHandler()
	s.startPurge()
	return nil
}

func (s *Server) open(ctx context.Context) (err error) {
	if err := s.checkDatabase(); err != nil {
		return err
	}
	if err := s.checkNodeFolder(); err != nil {
		return err
	}
	if err := s.openBackend(ctx); err != nil {
		return err
	}
	if s.cfg.Node != nil {
		return s.openNode(ctx)
	}
	keys, err := s.loadKeys(ctx)
	if err != nil {
		return err
	}
	s.nodeKey = keys.nodes
	signer := token.NewSigner(keys.tokens)
	verifier, err := s.openAccounts(ctx, keys)
	if err != nil {
		return err
	}
	var live func(context.Context, string, string) (bool, error)
	if s.accounts != nil {
		live = s.accounts.Live
	}
	s.tokens, err = token.Open(ctx, token.Config{
		Database: s.cfg.Database, Dir: s.cfg.Dir, Node: s.node, NodeType: s.backend.NodeType(), Signer: signer, HashKey: keys.hashes, Verifier: verifier,
		ReadOnly: func() bool { return s.readOnly.is(s.cfg.Now()) }, NodeSecret: s.nodeSecret, NodePath: storagePrefix, Quota: s.quotaOfAccount,
		Duration: s.cfg.TokenDuration, Live: live, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log, Security: s.security, Telemetry: s.telemetry,
	})
	if err != nil {
		return err
	}
	admit := s.admit
	if s.cfg.Database != "" {
		admit = s.admitInStep()
	}
	s.openStorage(&hawkAuth{signer: signer, admit: admit, names: s.names, now: s.cfg.Now})
	if s.cfg.Database != "" {
		return s.askBatches(ctx)
	}
	return nil
}

func (s *Server) loadKeys(ctx context.Context) (keys, error) {
	if s.cfg.Database != "" {
		return s.sharedKeys(ctx)
	}
	return loadKeys(filepath.Join(s.cfg.Dir, "token-secret"), s.cfg.Rand)
}

// storageFolder is the folder of the users' files, in the data folder.
const storageFolder = "storage"

var (
	// ErrTwoStorages means that Config.Backend is set for a data folder that has users' files.
	ErrTwoStorages = errors.New("the folder has records that the configured storage would hide: move it away")
	// ErrNoStorage means that Config.Backend is not set for a data folder whose users' records
	// are elsewhere.
	ErrNoStorage = errors.New("the users' records are not in it: use the app that stores them elsewhere, or put its folder " +
		storageFolder + " back; an empty one begins without records")
)

// openBackend opens the users' files, unless a database or another backend is configured. It is the first
// to put something into a new data folder, so that a folder with users always has theirs.
func (s *Server) openBackend(ctx context.Context) (err error) {
	if s.cfg.Database != "" {
		return s.openDatabase(ctx)
	}
	folder := filepath.Join(s.cfg.Dir, storageFolder)
	switch configured := s.cfg.Backend != nil; {
	case configured && exists(folder):
		return fmt.Errorf("%s: %w", folder, ErrTwoStorages)
	case configured:
		return nil
	case !exists(folder) && exists(filepath.Join(s.cfg.Dir, "token.sqlite")):
		return fmt.Errorf("%s: %w", s.cfg.Dir, ErrNoStorage)
	}
	files, err := sqlite.New(sqlite.Config{
		Dir: folder, Now: s.cfg.Now, Telemetry: s.telemetry, MaxOpen: openFiles(s.cfg.Memory, capacity.Descriptors()),
	})
	if err == nil {
		s.backend = files
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// openStorage starts the service on the backend.
func (s *Server) openStorage(auth storage.Authenticator) {
	cfg := storage.Config{
		Backend: s.backend, Prefix: storagePrefix, Auth: &notedAuth{auth, s},
		Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log, Limits: s.cfg.Limits, QuotaOf: s.quotaOf, MaxWaiting: s.cfg.MaxWaiting,
	}
	if s.cfg.Backend == nil && s.cfg.Database == "" {
		cfg.Full, cfg.BatchRoom = s.diskFull, s.batchRoom
	}
	if s.cfg.Database != "" {
		cfg.BatchRoom = s.sharedBatchRoom
	}
	s.storage = storage.New(cfg)
}

// node returns the root URL of the storage, for the client that sent a request.
func (s *Server) node(ctx context.Context) string { return s.names.Of(ctx).String() + storagePrefix }

// openAccounts opens the accounts server with its pages, unless another server has the
// accounts.
func (s *Server) openAccounts(ctx context.Context, keys keys) (_ token.Verifier, err error) {
	if s.cfg.External != nil {
		return s.cfg.external()
	}
	cfg := accounts.Config{
		Database: s.cfg.Database, Dir: s.cfg.Dir, PublicURLs: s.names, SignUp: s.cfg.SignUp, Cost: s.cfg.PasswordCost, Memory: s.cfg.Memory / 4, Full: s.diskFull, Limits: s.cfg.SignIn,
		Disabled: s.disabled, Destroyed: s.destroyed, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log,
		Security: s.security, Telemetry: s.telemetry,
	}
	opened := make(chan struct{})
	if err := s.openSenders(ctx, keys, opened); err != nil {
		return nil, err
	}
	if s.push != nil {
		cfg.Push = s.push
	}
	if s.mail != nil {
		cfg.Mail, cfg.CodeKey = s.mail, keys.codes
	}
	if s.accounts, err = accounts.Open(ctx, cfg); err != nil {
		return nil, err
	}
	close(opened)
	if s.cfg.Database != "" {
		if s.board, err = channels.OpenBoard(ctx, s.cfg.Database, s.cfg.Rand, s.telemetry); err != nil {
			return nil, err
		}
	}
	s.channels = channels.New(channels.Config{Board: s.board, Sender: s.channelSender, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log})
	s.pages, err = pages.New(pages.Config{PublicURLs: s.names, SignUp: s.cfg.SignUp})
	return s.accounts, err
}

// destroyed removes the storage of an account that was deleted.
func (s *Server) destroyed(ctx context.Context, account string) {
	if err := s.tokens.Retire(ctx, account); err != nil {
		s.cfg.Log.ErrorContext(ctx, "cannot retire the storage of a deleted account", "err", err)
		return
	}
	if err := s.deleteStorage(ctx, account); err != nil {
		s.cfg.Log.ErrorContext(ctx, "cannot remove the storage of a deleted account; the next purge tries again", "err", err)
	}
}

// Handler returns the handler for all requests to the server.
func (s *Server) Handler() http.Handler { return s.handler }

// newHandler mounts the services. Storage requests bypass the mux, which would redirect IDs
// that look like unclean paths.
func (s *Server) newHandler() http.Handler {
	mux := http.NewServeMux()
	if s.cfg.Node != nil {
		mux.Handle(node.Prefix, s.nodeHandler)
	} else {
		tokens := s.shed(s.tokens)
		mux.Handle("/token/", http.StripPrefix("/token", tokens))
		mux.Handle("/1.0/", tokens) // where Mozilla's server has it
	}
	if s.accounts != nil {
		for _, path := range []string{"/auth/", "/oauth/", "/profile/", "/.well-known/"} {
			mux.Handle(path, s.accounts)
		}
		mux.Handle("GET "+channels.Prefix+"{$}", s.channels)
		mux.Handle("GET "+channels.Prefix+"{id}", s.channels)
		mux.Handle("/oauth", s.pages)
		mux.Handle("/oauth/force_auth", s.pages)
		mux.Handle("/oauth/success/", s.pages)
		mux.Handle("/", s.pages)
	}
	mux.HandleFunc("GET /__heartbeat__", s.heartbeat)
	mux.HandleFunc("GET /__lbheartbeat__", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("GET /__version__", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{
			"source": "https://github.com/syncmanager/syncmanager", "version": s.cfg.Version,
		})
	})
	return s.names.Handler(s.proxied, s.below(s.observe(s.forwarded(s.limited(s.cors(s.writable(s.routed(mux))))))))
}

// routed passes requests for records to the storage, and the others to mux. It tells the traces
// where a request went.
func (s *Server) routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, storagePrefix+"/"); ok {
			if s.tracer != nil {
				telemetry.Route(r.Context(), methodOf(r.Method)+" "+storagePrefix+"/"+storageRoute(rest))
			}
			s.storage.ServeHTTP(w, r)
			return
		}
		if s.tracer != nil {
			_, pattern := mux.Handler(r)
			telemetry.Route(r.Context(), pattern)
		}
		mux.ServeHTTP(w, r)
	})
}

// purgeEvery is the default time between two purges.
const purgeEvery = time.Hour

func (s *Server) startPurge() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stopPurge = cancel
	ticks, stop := s.cfg.PurgeTicks, func() {}
	if ticks == nil {
		t := time.NewTicker(purgeEvery)
		ticks, stop = t.C, t.Stop
	}
	s.purging.Go(func() {
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks:
			}
			if ran, err := s.purge(ctx); ctx.Err() == nil && (ran || err != nil) {
				s.metrics.damaged.Set(float64(s.reportSweep(ctx, err)))
			}
		}
	})
}

// Purge removes expired data, and storages that were replaced. It does nothing while another server on
// the same database does so.
func (s *Server) Purge(ctx context.Context) error {
	_, err := s.purge(ctx)
	return err
}

// purge is Purge, and reports whether this server did it.
func (s *Server) purge(ctx context.Context) (ran bool, err error) {
	done, err := s.Writing()
	if err != nil {
		return false, nil // the next one does it
	}
	defer done()
	if set, err := s.tokens.DefaultQuota(ctx); err == nil {
		s.setDefaultQuota(set) // another server on the same database may have changed it
	}
	if shared, ok := s.backend.(*postgres.Backend); ok {
		return shared.Alone(ctx, "purge", s.sweep)
	}
	return true, s.sweep(ctx)
}

// sweep removes expired data of all users, and storages that were replaced.
func (s *Server) sweep(ctx context.Context) error {
	err := s.backend.Purge(ctx)
	if s.accounts != nil {
		err = errors.Join(err, s.accounts.Purge(ctx))
	}
	if s.cfg.Node != nil {
		return err
	}
	err = errors.Join(err, s.tokens.Recount(ctx), s.tokens.ForgetEnded(ctx))
	replaced, listErr := s.tokens.Replaced(ctx)
	err = errors.Join(err, listErr)
	for _, one := range replaced {
		if deleteErr := s.deleteCopy(ctx, one); deleteErr != nil {
			err = errors.Join(err, deleteErr)
			continue
		}
		err = errors.Join(err, s.tokens.Emptied(ctx, one.UID))
	}
	return err
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

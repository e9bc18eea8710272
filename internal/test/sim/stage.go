package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/server"
)

// maxDevices is how many devices a story may have; one more joins at its end.
const maxDevices = 3

const serverURL = "http://sync.test"

// Stage has what stories start from: a server's data folder with an account, sessions of its
// devices, and the files of an empty device. Each story starts from copies.
type Stage struct {
	dir      string
	sessions []account.Session
	steps    atomic.Int64
}

// Steps is how many device-steps were played: what happened on one device, the syncs
// to rest at a story's end included.
func (t *Stage) Steps() int64 { return t.steps.Load() }

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// NewStage makes a stage in dir, which is fastest on a file system in memory.
func NewStage(ctx context.Context, dir string) (_ *Stage, err error) {
	t := &Stage{dir: dir}
	r := &run{stage: t, rand: newRandom(0), now: start}
	if err := os.MkdirAll(t.template(), 0o700); err != nil {
		return nil, err
	}
	s, err := r.newServer(ctx, t.template())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
	transport := inproc.New(s.Handler())
	for i := range maxDevices + 1 {
		c, err := r.client(transport, r.clock(nil))
		if err != nil {
			return nil, err
		}
		sign := c.Login
		if i == 0 {
			sign = c.CreateAccount
		}
		a, err := sign(ctx, "sim@example.org", "correct horse battery staple")
		if err == nil {
			err = a.RegisterDevice(ctx, fmt.Sprintf("device %d", i), "desktop")
		}
		if err == nil { // so that no story has to make the server's signing key
			_, err = a.AccessToken(ctx, false)
		}
		if err != nil {
			return nil, err
		}
		t.sessions = append(t.sessions, a.Session())
	}
	return t, t.makeFiles(ctx, r)
}

// makeFiles makes the files that a device has before it holds anything.
func (t *Stage) makeFiles(ctx context.Context, r *run) error {
	if err := os.Mkdir(t.emptyDevice(), 0o700); err != nil {
		return err
	}
	var shared places
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		k := kinds[name]
		s, err := k.open(ctx, place{path: filepath.Join(t.emptyDevice(), k.file), now: r.clock(nil), rand: r.rand.fork(), places: &shared})
		if err != nil {
			return err
		}
		if err := s.close(); err != nil {
			return err
		}
	}
	return shared.close()
}

func (t *Stage) template() string { return filepath.Join(t.dir, "template") }

func (t *Stage) emptyDevice() string { return filepath.Join(t.dir, "device") }

// run is a story that is running.
type run struct {
	stage *Stage
	story Story
	tell  func(string)
	model *model
	rand  *random
	dir   string

	mu  sync.Mutex
	now time.Time

	server    *server.Server
	serverDir string
	backup    *serverBackup
	net       network
	devices   []*device
	sealed    bool // the faults are over
	skewed    bool // some device's clock was wrong
	off       map[string]bool
	ctx       context.Context
	found     *Finding // by a step within another
}

func (r *run) say(format string, args ...any) {
	if r.tell != nil {
		r.tell(fmt.Sprintf(format, args...))
	}
}

func (r *run) open(ctx context.Context) (err error) {
	if r.dir, err = os.MkdirTemp(r.stage.dir, "story-*"); err != nil {
		return err
	}
	r.now, r.ctx, r.off = start.Add(time.Minute), ctx, map[string]bool{}
	r.serverDir = filepath.Join(r.dir, "server")
	if err := os.CopyFS(r.serverDir, os.DirFS(r.stage.template())); err != nil {
		return err
	}
	if r.server, err = r.newServer(ctx, r.serverDir); err != nil {
		return err
	}
	for range r.story.Devices {
		if err := r.join(ctx); err != nil {
			return err
		}
	}
	return nil
}

// join adds a device that is signed in to the account and has nothing.
func (r *run) join(ctx context.Context) error {
	i := len(r.devices)
	d := &device{run: r, n: i, session: r.stage.sessions[i], model: newReplica(), dir: filepath.Join(r.dir, fmt.Sprintf("device-%d", i))}
	if err := os.CopyFS(d.dir, os.DirFS(r.stage.emptyDevice())); err != nil {
		return err
	}
	r.devices = append(r.devices, d)
	return d.open(ctx)
}

func (r *run) close() error {
	var errs []error
	for _, d := range r.devices {
		errs = append(errs, d.close())
	}
	if r.server != nil {
		errs = append(errs, r.server.Close(context.Background()))
	}
	if r.dir != "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	return errors.Join(errs...)
}

func (r *run) newServer(ctx context.Context, dir string) (*server.Server, error) {
	return server.New(ctx, server.Config{
		Dir: dir, PublicURL: serverURL, Now: r.clock(nil), Rand: r.rand.fork(), Log: slog.New(slog.DiscardHandler),
		PasswordCost: 4, PurgeTicks: make(chan time.Time),
	})
}

func (r *run) client(transport http.RoundTripper, now func() time.Time) (*account.Client, error) {
	return account.New(account.Config{
		Server: serverURL, Transport: transport, Now: now, Rand: r.rand.fork(), Log: slog.New(slog.DiscardHandler),
	})
}

// clock returns the time on d's clock.
func (r *run) clock(d *device) func() time.Time {
	return func() time.Time {
		r.mu.Lock()
		defer r.mu.Unlock()
		if d == nil {
			return r.now
		}
		return r.now.Add(d.skew)
	}
}

func (r *run) pass(t time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(t)
}

// random is a stream of bytes that a seed determines. Its forks are separate streams, so that
// two concurrent goroutines get the same values each time.
type random struct {
	mu   sync.Mutex
	r    *rand.ChaCha8
	seed uint64
	n    uint64
}

func newRandom(seed uint64) *random { return (&random{seed: seed}).fork() }

func (r *random) fork() *random {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	var key [32]byte
	for i := range 8 {
		key[i], key[8+i] = byte(r.seed>>(8*i)), byte(r.n>>(8*i))
	}
	if r.r != nil {
		_, _ = r.r.Read(key[16:])
	}
	return &random{r: rand.NewChaCha8(key), seed: r.seed}
}

func (r *random) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Read(p)
}

var _ io.Reader = (*random)(nil)

// Package agent keeps a profile in sync by itself. An agent holds the profile, runs the
// manager's Run while the profile is signed in, and serves the profile's commands and other
// programs of the user on a Unix socket, which speaks HTTP:
//
//	GET  /v1/agent    who the agent is, and how it goes: [Info]
//	POST /v1/command  runs a command of the command line; see [Client.Run]
//	     /v1/…        what [Config].Handler serves
//
// Only the user of the agent, and root, can use the socket.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/internal/profile"
)

// Protocol is the version of what is said on the socket, apart from Config.Handler.
const Protocol = 1

// Config is the configuration of an [Agent]. Only System and Handler may be nil.
type Config struct {
	// Profile is the profile, which stays the caller's to close after Run.
	Profile *profile.Profile
	// Version is the version of this program, PID its process.
	Version string
	PID     int
	Now     func() time.Time
	Log     *slog.Logger
	// RuntimeDir is the folder for a socket whose path in the profile's folder is too long.
	RuntimeDir string
	// System tells what happens on this machine. Nil: nothing is told.
	System System
	// Command runs a command, and returns its exit code.
	Command func(context.Context, Command, Streams) int
	// Handler serves the other paths under /v1/.
	Handler http.Handler
}

// An Agent holds a profile.
type Agent struct {
	cfg     Config
	since   time.Time
	gate    gate
	running sync.WaitGroup

	mu sync.Mutex
	// last is the last sync's time by the wall clock and result, problem what a person has to see to.
	last    lastSync
	problem string
}

// New returns an agent that does nothing before Run.
func New(c Config) *Agent { return &Agent{cfg: c, since: c.Now()} }

// Info says who an agent is, and how it goes.
type Info struct {
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	PID      int    `json:"pid"`
	// Since is when the agent started.
	Since   time.Time `json:"since"`
	Profile string    `json:"profile"`
	// LastSync is the time of the last successful sync, NextSync when the next one is due without a
	// change; nil if there was none, or none is due.
	LastSync *time.Time `json:"lastSync"`
	NextSync *time.Time `json:"nextSync"`
	// Paused says why the agent does not sync by itself at the moment, or is "".
	Paused string `json:"paused,omitempty"`
	// Problems are for the user to see to.
	Problems []string `json:"problems,omitempty"`
}

// waitForCommands bounds how long an agent that ends waits for its commands, which are cancelled.
const waitForCommands = 5 * time.Second

// Run listens, and keeps the profile in sync until ctx ends. ready, if not nil, is called once the
// agent can be reached. Run returns nil if ctx ended it.
func (a *Agent) Run(ctx context.Context, ready func()) error {
	l, err := listen(a.cfg.Profile.Dir(), a.cfg.RuntimeDir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &http.Server{
		Handler: a.handler(ctx), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 1 << 16,
		ErrorLog: slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	var working sync.WaitGroup
	if a.cfg.System != nil {
		working.Go(a.watchSystem(ctx))
	}
	working.Go(func() { a.keepInSync(ctx) })
	if ready != nil {
		ready()
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
		err = fmt.Errorf("the agent's socket failed: %w", err)
	}
	stop()
	_ = s.Close()
	working.Wait()
	a.waitForCommands()
	return err
}

func (a *Agent) waitForCommands() {
	done := make(chan struct{})
	go func() {
		a.running.Wait()
		close(done)
	}()
	patience := time.NewTimer(waitForCommands)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C: // such as one that writes to a terminal that is stopped
	}
}

func (a *Agent) handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/agent", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, a.Info(r.Context()))
	})
	mux.HandleFunc("POST /v1/command", func(w http.ResponseWriter, r *http.Request) { a.command(ctx, w, r) })
	if a.cfg.Handler != nil {
		mux.Handle("/v1/", a.cfg.Handler)
	}
	return mux
}

// Info returns who the agent is, and how it goes.
func (a *Agent) Info(ctx context.Context) Info {
	i := Info{
		Version: a.cfg.Version, Protocol: Protocol, PID: a.cfg.PID, Since: a.since.UTC().Round(0), Profile: a.cfg.Profile.Dir(),
	}
	next, paused, problems := a.Schedule()
	i.Paused, i.Problems = paused, problems
	if account, _ := a.cfg.Profile.WatchAccount(); account == nil {
		return i
	}
	m, err := a.cfg.Profile.Manager(ctx)
	if err != nil {
		i.Problems = append(i.Problems, err.Error())
		return i
	}
	i.LastSync = some(m.LastSync())
	i.NextSync = some(next)
	engines, err := m.Engines(ctx)
	if err != nil {
		i.Problems = append(i.Problems, err.Error())
	}
	for _, e := range engines {
		if e.LastError != "" {
			i.Problems = append(i.Problems, e.Name+": "+e.LastError)
		}
	}
	return i
}

// Schedule says when the agent syncs next without a change, why it does not sync by itself at
// the moment, or "", and what a person has to see to.
func (a *Agent) Schedule() (next time.Time, paused string, problems []string) {
	paused = a.gate.reason()
	switch account, _ := a.cfg.Profile.WatchAccount(); {
	case account == nil:
		paused = "the profile is not signed in"
	case account.Local:
		paused = "the account is on this device alone"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.problem != "" {
		problems = append(problems, a.problem)
	}
	if paused == "" && len(problems) == 0 {
		next = a.last.next
	}
	return next, paused, problems
}

// some returns a pointer to t in UTC; nil, which is null in JSON, for the zero time.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Round(0)
	return &t
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// failure is the body of an answer that is an error.
type failure struct {
	Error string `json:"error"`
}

// ErrNone means that no agent runs for a profile.
var ErrNone = errors.New("no agent runs for this profile")

package marionette

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Options say which Firefox to start, and how. The zero value starts the installed one on a
// temporary profile.
type Options struct {
	// Binary is the Firefox to start; "": the one that Find finds.
	Binary string
	// Profile is the folder of the profile, kept for another start; "": a new one
	// that is removed when Firefox ends. No two Firefoxes may use one at a time.
	Profile string
	// Prefs are preferences (bool, int or string) over those that keep Firefox
	// quiet and offline.
	Prefs map[string]any
	// Log receives a message at each start and end; nil: nothing is logged.
	Log *slog.Logger
}

// Firefox is a running Firefox with one session. Its methods may be called from
// several goroutines; the commands are done one after the other.
type Firefox struct {
	log     *slog.Logger
	cmd     *exec.Cmd
	output  tail
	profile string
	scratch string // the home folder, and the profile unless the caller gave one

	conn *conn
	turn chan struct{} // holds a token while a command is under way

	gone    chan struct{} // closed when the process has ended and scratch is removed
	exit    error         // the process's exit error; read after gone
	cleanup error         // what went wrong with removing scratch; read after gone
}

const (
	// startTimeout is far beyond the few seconds that a start takes on a slow
	// machine. It turns a Firefox that hangs into an error that shows its output.
	startTimeout = 2 * time.Minute
	// pollInterval is the time between two checks for the port file, the only sign that Firefox
	// listens.
	pollInterval = 20 * time.Millisecond
	// drainTimeout bounds the wait for output that a killed Firefox's children hold open.
	drainTimeout = 5 * time.Second
	// portFile is where Firefox writes the port it listens on, in the profile.
	portFile = "MarionetteActivePort"
)

// Start starts Firefox and opens a session. When ctx ends, Firefox and all its processes are
// killed. The error of a failed start shows the end of what Firefox printed; it wraps
// ErrNoFirefox if there is none.
func Start(ctx context.Context, o Options) (*Firefox, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Binary == "" {
		var err error
		if o.Binary, err = Find(); err != nil {
			return nil, err
		}
	}
	f := &Firefox{log: o.Log, turn: make(chan struct{}, 1), gone: make(chan struct{})}
	if err := f.prepare(o); err != nil {
		return nil, errors.Join(err, os.RemoveAll(f.scratch))
	}
	f.cmd = f.command(ctx, o.Binary)
	if err := f.launch(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", o.Binary, err), os.RemoveAll(f.scratch))
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := f.connect(starting); err != nil {
		f.Kill()
		return nil, fmt.Errorf("starting %s: %w; %s", o.Binary, err, &f.output)
	}
	f.log.Debug("firefox started", "pid", f.cmd.Process.Pid, "profile", f.profile)
	return f, nil
}

// prepare makes the folders and writes the preferences.
func (f *Firefox) prepare(o Options) (err error) {
	if f.scratch, err = os.MkdirTemp("", "firefox-"); err != nil {
		return fmt.Errorf("making a home for Firefox: %w", err)
	}
	f.profile = o.Profile
	if f.profile == "" {
		f.profile = filepath.Join(f.scratch, "profile")
	}
	for _, dir := range []string{f.profile, f.home()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making Firefox's profile: %w", err)
		}
	}
	// A killed Firefox leaves its port file behind.
	if err := os.Remove(filepath.Join(f.profile, portFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("preparing Firefox's profile: %w", err)
	}
	return writePrefs(f.profile, o.Prefs)
}

func (f *Firefox) home() string { return filepath.Join(f.scratch, "home") }

func (f *Firefox) command(ctx context.Context, binary string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary,
		"--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "-profile", f.profile)
	cmd.Env = append(os.Environ(),
		"HOME="+f.home(),
		"XDG_CACHE_HOME="+filepath.Join(f.home(), ".cache"),
		"XDG_CONFIG_HOME="+filepath.Join(f.home(), ".config"),
		"XDG_DATA_HOME="+filepath.Join(f.home(), ".local/share"),
		"MOZ_CRASHREPORTER_DISABLE=1",
		"MOZ_HEADLESS=1",
	)
	cmd.Stdout, cmd.Stderr = &f.output, &f.output
	cmd.SysProcAttr = groupAttr()
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = drainTimeout
	return cmd
}

// launch starts the process and waits for its end. The goroutine that starts it keeps its
// thread until the process has ended, because Linux counts the death of that thread as the
// death of the parent (see groupAttr).
func (f *Firefox) launch() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := f.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		f.exit = f.cmd.Wait()
		if err := killGroup(f.cmd.Process); err != nil { // children that are still running
			f.log.Warn("firefox left processes behind", "err", err)
		}
		if err := os.RemoveAll(f.scratch); err != nil {
			f.cleanup = fmt.Errorf("removing Firefox's profile: %w", err)
		}
		close(f.gone)
	}()
	return <-started
}

// connect waits for Firefox to listen, and opens the session.
func (f *Firefox) connect(ctx context.Context) error {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for f.conn == nil {
		select {
		case <-f.gone:
			return f.ended()
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-poll.C:
		}
		port, ok := f.port()
		if !ok {
			continue
		}
		var dialer net.Dialer
		raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue // the file was read half-written
		}
		if f.conn, err = newConn(ctx, raw); err != nil {
			return err
		}
	}
	_, err := f.do(ctx, "WebDriver:NewSession", map[string]any{
		"capabilities": map[string]any{"alwaysMatch": map[string]any{
			"timeouts": map[string]any{"script": nil}, // a script may run until its context ends
		}},
	})
	return err
}

// port reads the port file; false: it does not exist yet, or is not complete.
func (f *Firefox) port() (int, bool) {
	text, err := os.ReadFile(filepath.Join(f.profile, portFile))
	if err != nil {
		return 0, false
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return port, err == nil && port > 0 && port < 1<<16
}

// ended returns an error that says how the process ended.
func (f *Firefox) ended() error {
	if f.exit != nil {
		return fmt.Errorf("Firefox has ended: %w", f.exit)
	}
	return errors.New("Firefox has ended")
}

// do sends one command. If the connection breaks because Firefox ended, the error says so.
func (f *Firefox) do(ctx context.Context, name string, params any) (json.RawMessage, error) {
	result, err := f.conn.command(ctx, name, params)
	if !errors.Is(err, errClosed) {
		return result, err
	}
	wait, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	select {
	case <-f.gone:
		return nil, fmt.Errorf("%s: %w; %s", name, f.ended(), &f.output)
	case <-wait.Done():
		return nil, err
	}
}

// in runs work in one of the two contexts, "chrome" or "content", and excludes other commands
// meanwhile.
func (f *Firefox) in(ctx context.Context, where string, work func() error) error {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for Firefox's turn: %w", ctx.Err())
	}
	if _, err := f.do(ctx, "Marionette:SetContext", map[string]string{"value": where}); err != nil {
		return err
	}
	return work()
}

// Profile is the folder of the profile.
func (f *Firefox) Profile() string { return f.profile }

// Gone is closed when Firefox has ended for any reason, and its temporary folders are
// removed.
func (f *Firefox) Gone() <-chan struct{} { return f.gone }

// Quit asks Firefox to write everything to the profile and end, and waits until it has ended.
// When ctx ends first, Firefox is killed.
func (f *Firefox) Quit(ctx context.Context) error {
	_, err := f.conn.command(ctx, "Marionette:Quit", map[string]any{"flags": []string{"eForceQuit"}})
	if err != nil && !errors.Is(err, errClosed) {
		f.Kill()
		return fmt.Errorf("ending Firefox: %w", err)
	}
	select {
	case <-f.gone:
	case <-ctx.Done():
		f.Kill()
		return fmt.Errorf("Firefox did not end and was killed: %w", ctx.Err())
	}
	f.conn.close()
	f.log.Debug("firefox ended", "pid", f.cmd.Process.Pid)
	if f.exit != nil {
		return fmt.Errorf("ending Firefox: %w; %s", f.exit, &f.output)
	}
	return f.cleanup
}

// Kill ends Firefox at once, as a power cut would, and waits until it is gone.
// It may be called at any time, and more than once.
func (f *Firefox) Kill() {
	select {
	case <-f.gone:
	default:
		if err := killGroup(f.cmd.Process); err != nil {
			f.log.Warn("killing firefox", "err", err)
		}
		<-f.gone
	}
	if f.conn != nil {
		f.conn.close()
	}
}

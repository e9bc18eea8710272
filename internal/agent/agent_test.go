package agent_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/internal/agent"
	"github.com/syncmanager/syncmanager/internal/profile"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

func open(t *testing.T, dir string, transport http.RoundTripper, now func() time.Time) *profile.Profile {
	t.Helper()
	p, err := profile.Open(t.Context(), profile.Config{
		Dir: dir, Hostname: "test", Version: "0", Now: now, Rand: rand.Reader,
		Transport: transport, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// run runs an agent until the test ends, and returns once it can be reached.
func run(t *testing.T, c agent.Config) *agent.Agent {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.RuntimeDir == "" {
		c.RuntimeDir = t.TempDir()
	}
	a := agent.New(c)
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a
}

// folder makes a folder whose path leaves room for a socket, or with long, none.
func folder(t *testing.T, long bool) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if long {
		dir = filepath.Join(dir, strings.Repeat("long", 30))
	}
	return dir
}

func dial(t *testing.T, dir string) *agent.Client {
	t.Helper()
	c, err := agent.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("a request left the process")
}

// files returns a stdin with text, and a file that collects what is written.
func files(t *testing.T, text string) (in, out *os.File) {
	t.Helper()
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out, err = os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), out.Close() })
	return in, out
}

// TestACommandRunsInTheAgent: with the files of the process that asks, in folders with room for a socket
// and without, and after an agent that was killed.
func TestACommandRunsInTheAgent(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there, files cannot be passed")
	}
	t.Parallel()
	for _, long := range []bool{false, true} {
		dir := folder(t, long)
		p := open(t, dir, noNetwork{}, time.Now)
		if !long { // what a killed agent leaves over
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "agent.sock"), Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := agent.Dial(t.Context(), dir); !errors.Is(err, agent.ErrNone) {
			t.Errorf("before there is an agent: %v", err)
		}
		run(t, agent.Config{Profile: p, Version: "v1", PID: 7, Command: func(_ context.Context, c agent.Command, s agent.Streams) int {
			text, _ := io.ReadAll(s.In)
			_, _ = io.WriteString(s.Out, strings.Join(c.Args, " ")+" in "+c.Dir+" reads "+string(text))
			if s.Browse("https://a.example/") == nil {
				_, _ = io.WriteString(s.Out, ", opens a page")
			}
			return 3
		}})
		in, out := files(t, "hello")
		var opened string
		code, err := dial(t, dir).Run(t.Context(), agent.Command{Version: "v1", Args: []string{"a", "b"}, Dir: "/there"}, in, out, out,
			func(url string) error { opened = url; return nil })
		text, _ := os.ReadFile(out.Name())
		if code != 3 || err != nil || string(text) != "a b in /there reads hello, opens a page" || opened != "https://a.example/" {
			t.Errorf("code %d, %v, %q, opened %q", code, err, text, opened)
		}
		_, err = dial(t, dir).Run(t.Context(), agent.Command{Version: "v2"}, in, out, out, nil)
		if err == nil || !strings.Contains(err.Error(), "version v1, and this program is version v2: restart the agent") {
			t.Errorf("another version: %v", err)
		}
		i, err := dial(t, dir).Info(t.Context())
		if err != nil || i.Version != "v1" || i.PID != 7 || i.Protocol != agent.Protocol || i.Paused == "" {
			t.Errorf("%+v, %v", i, err)
		}
	}
}

// TestAnInterruptedCommandEnds: also one that reads, which must not take what is typed later, and one
// whose process was killed.
func TestAnInterruptedCommandEnds(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there, files cannot be passed")
	}
	t.Parallel()
	dir := folder(t, false)
	p := open(t, dir, noNetwork{}, time.Now)
	began, read := make(chan struct{}), make(chan error, 2)
	run(t, agent.Config{Profile: p, Version: "v1", Command: func(ctx context.Context, _ agent.Command, s agent.Streams) int {
		go func() {
			_, err := s.In.Read(make([]byte, 1))
			read <- err
		}()
		began <- struct{}{}
		<-ctx.Done()
		return 1
	}})
	in, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer typed.Close()
	_, out := files(t, "")
	for _, killed := range []bool{false, true} {
		ctx, interrupt := context.WithCancel(t.Context())
		c := dial(t, dir)
		ended := make(chan error, 1)
		go func() {
			code, err := c.Run(ctx, agent.Command{Version: "v1"}, in, out, out, nil)
			if code != 1 && !killed {
				t.Errorf("code %d", code)
			}
			ended <- err
		}()
		<-began
		if killed {
			_ = c.Close()
		} else {
			interrupt()
		}
		if err := <-ended; (err != nil) != killed {
			t.Errorf("killed: %t, %v", killed, err)
		}
		if err := <-read; !errors.Is(err, os.ErrClosed) {
			t.Errorf("what reads stdin gets %v", err)
		}
		interrupt()
	}
}

// TestTheFolderOfAnotherUserIsRefused: a socket that does not fit is not put where others can replace it.
func TestTheFolderOfAnotherUserIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	t.Parallel()
	dir, runtimeDir := folder(t, true), folder(t, false)
	p := open(t, dir, noNetwork{}, time.Now)
	a := agent.New(agent.Config{Profile: p, Version: "v1", Now: time.Now, Log: slog.New(slog.DiscardHandler), RuntimeDir: runtimeDir})
	ctx, stop := context.WithCancel(t.Context())
	if err := a.Run(ctx, stop); err != nil {
		t.Fatal(err)
	}
	below, err := os.ReadDir(runtimeDir)
	if err != nil || len(below) != 1 {
		t.Fatal(below, err)
	}
	if err := os.Chmod(filepath.Join(runtimeDir, below[0].Name()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "not a folder of this user alone") {
		t.Errorf("a folder that others can enter: %v", err)
	}
}

// machine is a machine that the test plays, with a metered network at first.
type machine struct {
	tell func(agent.Event)
	// slept is how far the clock is ahead of the timers.
	slept atomic.Int64
	// mu guards looked, the times at which the agent's side looked at the clock.
	mu     sync.Mutex
	looked map[time.Time]bool
}

func (m *machine) Watch(_ context.Context, tell func(agent.Event)) {
	m.tell = tell
	tell(agent.Event{Pause: agent.Network, Why: "the network is metered"})
}

func (m *machine) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.looked[now] = true
	return now.Add(time.Duration(m.slept.Load()))
}

// wakeUps returns at how many times the agent's side looked at the clock since the last call.
func (m *machine) wakeUps() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.looked)
	clear(m.looked)
	return n
}

// TestIdleDays counts what an agent does in days in which nothing happens: without an account, while the
// network is metered, and after that; and what it makes up for when the machine wakes up.
func TestIdleDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := testenv.InBubble(t)
		m := &machine{looked: map[time.Time]bool{}}
		p := open(t, t.TempDir(), env.Net, m.now)
		a := agent.New(agent.Config{Profile: p, Version: "v1", Now: m.now, Log: slog.New(slog.DiscardHandler), System: m})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			a.Keep(ctx)
			close(ended)
		}()
		defer func() {
			stop()
			<-ended
		}()
		synctest.Wait()
		m.wakeUps()
		// during returns how many syncs a time brings that begins with events; each sync asks what the collections are.
		during := func(d time.Duration, events ...agent.Event) (syncs, wakeUps int) {
			synctest.Wait()
			m.wakeUps()
			env.Net.Asked()
			for _, e := range events {
				m.tell(e)
			}
			time.Sleep(d)
			synctest.Wait()
			for _, request := range env.Net.Asked() {
				if strings.HasSuffix(request, "/info/collections") {
					syncs++
				}
			}
			return syncs, m.wakeUps()
		}
		if syncs, wakeUps := during(24 * time.Hour); syncs != 0 || wakeUps != 0 {
			t.Errorf("a day without an account: %d syncs, %d wake-ups", syncs, wakeUps)
		}
		if err := p.SignIn(t.Context(), profile.SignIn{Server: env.URL, Email: "ann@example.org", Password: "correct horse", Create: true}); err != nil {
			t.Fatal(err)
		}
		if syncs, wakeUps := during(24 * time.Hour); syncs != 0 || wakeUps > 1 {
			t.Errorf("a day on a metered network: %d syncs, %d wake-ups", syncs, wakeUps)
		}
		manager, err := p.Manager(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r, err := manager.Sync(t.Context(), syncmanager.Options{}); err != nil || r.Status != syncmanager.StatusOK {
			t.Errorf("the user's own sync: %s, %v", r.Status, err)
		}
		if syncs, _ := during(time.Minute, agent.Event{Pause: agent.Network}); syncs != 1 {
			t.Errorf("%d syncs once the network is free, want 1", syncs)
		}
		syncs, wakeUps := during(24 * time.Hour)
		if syncs != 24 || wakeUps > 2*24 {
			t.Errorf("a day: %d syncs, %d wake-ups", syncs, wakeUps)
		}
		if syncs, _ := during(time.Minute, agent.Event{Moved: true}); syncs != 0 {
			t.Errorf("%d syncs because the network changed, and none was missed", syncs)
		}
		m.slept.Store(int64(10 * time.Hour))
		if syncs, _ := during(time.Minute, agent.Event{Moved: true}); syncs != 1 {
			t.Errorf("%d syncs after ten hours of sleep, want 1", syncs)
		}
		m.slept.Store(int64(-time.Hour))
		if syncs, _ := during(time.Minute, agent.Event{Moved: true}); syncs != 1 {
			t.Errorf("%d syncs after the clock was set back, want 1", syncs)
		}
		i := a.Info(t.Context())
		if i.LastSync == nil || i.NextSync == nil || i.Paused != "" || len(i.Problems) != 0 {
			t.Errorf("it says %+v", i)
		}
	})
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/agent"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// envAgents is a folder. While it is set, an agent is started for each profile that there is.
const envAgents = "SYNCMANAGER_TEST_AGENTS"

// apartFromAgents are the stories that change a profile's files behind its back, hold its lock, or are about
// servers alone.
var apartFromAgents = []string{
	"addons", "agent", "agent_listen", "completion", "damaged", "damaged_account", "locked", "partial", "serve", "server", "stuck", "storage", "ui",
}

// TestScriptsInAgents runs the stories again, with an agent for each profile from its second command on:
// what they print, and the files that they write, are the same.
func TestScriptsInAgents(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there, commands do not run in an agent")
	}
	p := scriptParams(t)
	all, err := filepath.Glob(filepath.Join(p.Dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	p.Dir = ""
	for _, file := range all {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if first, _, _ := strings.Cut(name, "_"); !slices.Contains(apartFromAgents, name) && first != "serve" && first != "server" {
			p.Files = append(p.Files, file)
		}
	}
	setup := p.Setup
	p.Setup = func(env *testscript.Env) error {
		agents := filepath.Join(env.WorkDir, "agents")
		env.Setenv(envAgents, agents)
		env.Defer(func() { endAgents(t, agents) })
		return setup(env)
	}
	testscript.Run(t, p)
}

// endAgents interrupts the agents of a story.
func endAgents(t *testing.T, dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Signal(syscall.SIGTERM)
			}
		}
	}
}

// scriptMain is main, after an agent was started for the profile if there is to be one.
func scriptMain() {
	if dir := os.Getenv(envAgents); dir != "" {
		ensureAgent(dir, os.Args[1:])
	}
	main()
}

func ensureAgent(agents string, args []string) {
	dir, _ := profile.DefaultDir(os.Getenv)
	for i, arg := range args {
		if name, ok := strings.CutPrefix(arg, "--profile="); ok {
			dir = name
		} else if arg == "--profile" && i+1 < len(args) {
			dir = args[i+1]
		}
	}
	if !profile.Exists(dir) {
		return
	}
	if c, err := agent.Dial(context.Background(), dir); err == nil {
		_ = c.Close()
		return
	}
	if err := os.MkdirAll(agents, 0o700); err != nil {
		return
	}
	c := exec.Command("pausedagent", absolute(dir))
	c.Dir = os.TempDir() // not the folder of the command, whose relative paths must work
	log, err := os.CreateTemp(agents, "log")
	if err != nil {
		return
	}
	c.Stderr = log
	c.Env = append(os.Environ(), envAgents+"=")
	ready, err := c.StdoutPipe()
	if err != nil || c.Start() != nil {
		return
	}
	_ = os.WriteFile(filepath.Join(agents, strconv.Itoa(c.Process.Pid)), nil, 0o600)
	_, _ = ready.Read(make([]byte, 1)) // it ends, or is ready
}

// pausedAgent is an agent that syncs for commands alone, since the stories count what each sync does.
func pausedAgent() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := filepath.Abs(os.Args[1])
	if err != nil {
		panic(err)
	}
	a := &app{
		Console: term.Console{In: os.Stdin, Out: os.Stdout, Err: &readyWriter{}}, getenv: os.Getenv, now: time.Now, dir: dir,
		wait: 10 * time.Second, system: func(*slog.Logger) agent.System { return metered{} },
	}
	if err := a.runAgent(ctx, ""); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

// readyWriter copies what the agent says to stderr, and tells on stdout that it has said something.
type readyWriter struct{}

func (readyWriter) Write(p []byte) (int, error) {
	_, _ = os.Stdout.WriteString("!")
	return os.Stderr.Write(p)
}

// metered is a machine whose network is metered for ever.
type metered struct{}

func (metered) Watch(_ context.Context, tell func(agent.Event)) {
	tell(agent.Event{Pause: agent.Network, Why: "the network is metered"})
}

func absolute(dir string) string {
	path, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	return path
}

// agent PROFILE [COMMAND] [FLAG...] starts 'syncmanager agent', or another command that is one, and returns once it
// can be reached. With --listen, $ADDRESS is where.
func cmdAgent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: agent PROFILE [COMMAND] [FLAG...]")
	}
	command := args[1:]
	if len(command) == 0 || strings.HasPrefix(command[0], "-") {
		command = append([]string{"agent"}, command...)
	}
	c := exec.Command("syncmanager", append([]string{"--profile", ts.MkAbs(args[0])}, command...)...)
	c.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere")
	said, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	ts.Defer(func() { _, _ = c.Process.Kill(), c.Wait() })
	line, err := bufio.NewReader(said).ReadString('\n')
	ts.Check(err)
	if !strings.HasPrefix(line, "Syncing ") {
		ts.Fatalf("the agent says %s", line)
	}
	if _, at, ok := strings.Cut(line, "reach it at "); ok {
		address, _, _ := strings.Cut(at, ". ")
		ts.Setenv("ADDRESS", address)
	}
	background.Store("agent "+ts.MkAbs(args[0]), c)
}

// crash PROFILE kills the agent of a profile.
func cmdCrash(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: crash PROFILE")
	}
	c, ok := background.LoadAndDelete("agent " + ts.MkAbs(args[0]))
	if !ok {
		ts.Fatalf("no agent of %s", args[0])
	}
	ts.Check(c.(*exec.Cmd).Process.Kill())
	_ = c.(*exec.Cmd).Wait() // killed
}

// ask HOST TOKEN VERB [HEADER...] calls a verb at $ADDRESS, with an empty request, and prints the status and the answer. The
// header Host is HOST; a TOKEN - is none.
func cmdAsk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: ask HOST TOKEN VERB [HEADER...]")
	}
	r, err := http.NewRequest(http.MethodPost, "http://"+ts.Getenv("ADDRESS")+"/v1/"+args[2], strings.NewReader("{}"))
	ts.Check(err)
	r.Host = args[0]
	r.Header.Set("Content-Type", "application/json")
	if args[1] != "-" {
		r.Header.Set("Authorization", "Bearer "+args[1])
	}
	for _, header := range args[3:] {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	body, err := io.ReadAll(answer.Body)
	ts.Check(errors.Join(err, answer.Body.Close()))
	_, err = fmt.Fprintf(ts.Stdout(), "%d %s\n", answer.StatusCode, body)
	ts.Check(err)
}

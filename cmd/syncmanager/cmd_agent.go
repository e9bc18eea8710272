package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/agent"
	"github.com/syncmanager/syncmanager/internal/home"
	"github.com/syncmanager/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/internal/ui"
)

// shared is what a command that runs in the agent has of it.
type shared struct {
	profile *profile.Profile
	hub     *hub
	page    *ui.Server
	browse  func(url string) error
}

func (a *app) agentCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "agent",
		Short: "Keep the profile in sync by itself",
		Long: `Keep the profile in sync by itself, in the foreground, until it is interrupted: after
each change, when another device changed something, where the server tells, and every
hour. 'syncmanager agent install' has the system start it when you log in.

While it runs, every other command of the same profile runs in it, with the files, the
folder and the terminal of the command, so that none waits for another.

The agent does not sync while the battery is low or the network is metered, where the
system tells; 'syncmanager sync' does. It makes up for a sync when the machine wakes
up or the network comes back. A profile that is not signed in waits for
'syncmanager login'.

With --listen, programs that have a token ('syncmanager agent client') reach it at an
address of this machine alone too, where they cannot use its socket.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error { return a.runAgent(c.Context(), listen) }),
	}
	listenFlag(c, &listen)
	c.AddCommand(a.agentInstallCommand(), a.agentUninstallCommand(), a.agentStatusCommand(), a.agentClientCommand())
	return c
}

// runAgent runs the agent until ctx ends. listen is the address for programs with a token, or "".
func (a *app) runAgent(ctx context.Context, listen string) error {
	return a.beAgent(ctx, listen, a.saySyncing, nil)
}

func (a *app) saySyncing(what string) { a.Note("Syncing %s Ctrl-C stops.", what) }

// beAgent is runAgent that calls ready once it can be reached, with a sentence on what it serves, and then
// show, if that is not nil, with the page.
func (a *app) beAgent(ctx context.Context, listen string, ready func(what string), show func(context.Context, *ui.Server) error) (err error) {
	if a.shared != nil {
		return errors.New("the agent runs already")
	}
	at, err := loopbackAddress(listen)
	if err != nil {
		return err
	}
	h := newHub(a.log())
	tail := new(home.Log)
	h.join(a, listener{log: tail.Handler()})
	events := api.NewEvents(rand.Reader)
	defer events.Close()
	config, err := a.profileConfig(ctx, func(s syncmanager.Progress) {
		h.progress(s)
		events.Progress(s)
	})
	if err != nil {
		return err
	}
	config.Log = h.log()
	p, err := profile.Open(ctx, config)
	if errors.Is(err, errAgentCame) && show == nil {
		return a.anotherAgent(ctx)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	var s *agent.Agent
	d, watch, err := a.agentAPI(home.Home{
		Profile: p, ProgramVersion: buildInfo().Version, Events: events, Log: tail.Lines,
		Schedule: func() (time.Time, string, []string) { return s.Schedule() },
	}, config.Log)
	if err != nil {
		return err
	}
	page, err := ui.New(ui.Config{Service: d.Service, Now: a.now, Rand: rand.Reader, Log: config.Log})
	if err != nil {
		return err
	}
	defer page.Close()
	ctx, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	s = agent.New(agent.Config{
		Handler: a.onSocket(p, d),
		Profile: p, Version: buildInfo().Version, PID: os.Getpid(), Now: a.now, Log: config.Log,
		RuntimeDir: runtimeDir(a.getenv), System: a.system(config.Log),
		Command: func(ctx context.Context, c agent.Command, s agent.Streams) int {
			return a.runShared(ctx, &shared{p, h, page, s.Browse}, c, s)
		},
	})
	watching.Go(func() { watch(ctx) })
	reached := ""
	if at.IsValid() {
		address, done, err := serveLoopback(ctx, at, d)
		if err != nil {
			return err
		}
		watching.Go(func() { <-done })
		reached = " Programs with a token reach it at " + address + "."
	}
	debug.SetGCPercent(50) // it is idle nearly always: less memory is worth more than time
	var failed error
	err = s.Run(ctx, func() {
		ready(p.Dir() + "." + reached)
		if show == nil {
			return
		}
		if failed = show(ctx, page); failed != nil {
			stop()
		}
	})
	return errors.Join(err, failed)
}

// anotherAgent says which agent holds the profile.
func (a *app) anotherAgent(ctx context.Context) error {
	i, err := a.agentInfo(ctx)
	if err != nil {
		return err
	}
	return fmt.Errorf("an agent runs for this profile already: process %d, since %s", i.PID, a.moment(&i.Since))
}

func (a *app) agentInfo(ctx context.Context) (agent.Info, error) {
	client, err := a.dialAgent(ctx)
	if err != nil {
		return agent.Info{}, err
	}
	defer func() { _ = client.Close() }()
	return client.Info(ctx)
}

// runtimeDir is the folder for sockets: that of the user's session, or the one for temporary files.
func runtimeDir(getenv func(string) string) string {
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir
	}
	return os.TempDir()
}

// exitPipe is the exit code of a program that a closed pipe ends.
const exitPipe = 128 + int(syscall.SIGPIPE)

// runShared runs a command of another process on the agent's profile.
func (a *app) runShared(ctx context.Context, of *shared, c agent.Command, s agent.Streams) int {
	command := &app{
		Console: term.Console{In: s.In, Out: s.Out, Err: s.Err, Dir: c.Dir},
		getenv:  func(name string) string { return c.Env[name] },
		now:     a.now, shared: of,
	}
	return command.run(ctx, c.Args)
}

// agentStatusJSON is what agent status --json prints.
type agentStatusJSON struct {
	Running bool `json:"running"`
	*agent.Info
}

func (a *app) agentStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show whether the agent runs, and how it goes",
		Long: `Show whether the agent runs, since when, when it synced last and syncs next, and what
needs your attention. The exit code is 1 if it does not run.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			i, err := a.agentInfo(c.Context())
			if errors.Is(err, agent.ErrNone) {
				if a.JSON {
					if err := a.PrintJSON(agentStatusJSON{}); err != nil {
						return err
					}
					return &exitError{exitFailed}
				}
				return fmt.Errorf("%w: 'syncmanager agent install' starts one", agent.ErrNone)
			}
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(agentStatusJSON{true, &i})
			}
			return a.printAgent(i)
		}),
	}
}

func (a *app) printAgent(i agent.Info) error {
	var t term.Table
	t.Add("Agent", fmt.Sprintf("running since %s, process %d", a.moment(&i.Since), i.PID))
	t.Add("Version", i.Version)
	t.Add("Profile", i.Profile)
	t.Add("Last sync", a.moment(i.LastSync))
	switch {
	case i.Paused != "":
		t.Add("Next sync", "none by itself: "+i.Paused)
	case i.NextSync != nil:
		t.Add("Next sync", a.moment(i.NextSync)+", or some seconds after a change")
	default:
		t.Add("Next sync", "some seconds after a change")
	}
	for _, problem := range i.Problems {
		t.Add("Problem", problem)
	}
	return t.Print(a.Out)
}

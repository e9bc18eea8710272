package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/agent"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// app is one run of the command: what it reads and writes, and the global flags.
type app struct {
	term.Console
	getenv func(string) string
	now    func() time.Time

	// dir is the profile's folder, if the flag names it.
	dir string
	// wait is how long to wait for another process that uses the profile.
	wait time.Duration

	// args is the command line, without the program's name.
	args []string
	// shared is set for a command that runs in the agent.
	shared *shared
	// system is what an agent is told of the machine.
	system func(*slog.Logger) agent.System

	// started is set when the command line is valid and the work begins; an error
	// before that is a usage error.
	started bool
}

// run is the whole command, on the system's clock. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	return (&app{Console: term.Console{In: stdin, Out: stdout, Err: stderr}, getenv: getenv, now: time.Now, system: agent.ThisSystem}).run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	a.args = args
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	command, err := root.ExecuteContextC(ctx)
	if err != nil && !a.started {
		if !strings.HasSuffix(err.Error(), "?") {
			err = fmt.Errorf("%w; see '%s --help'", err, command.CommandPath())
		}
		err = usage.Errorf("%w", err)
	}
	if a.shared != nil && errors.Is(err, syscall.EPIPE) {
		return exitPipe // in a process of its own, the signal would have ended it
	}
	a.report(err)
	return exitCode(err)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "syncmanager",
		Short: "Sync bookmarks, history, passwords and more with Firefox and your other devices",
		Long: `Sync bookmarks, history, passwords, tabs, addresses, payment cards, forms,
preferences, add-ons and the data of add-ons with Firefox and your other devices,
over the Firefox Sync protocol, end-to-end encrypted.

  syncmanager sync     syncs now; it makes a local account if you have none
  syncmanager login    signs in to an account on a server
  syncmanager serve    runs such a server, for your devices and for Firefox

Environment: SYNCMANAGER_PROFILE names the profile's folder, by default "default"
in $XDG_DATA_HOME/syncmanager or the system's equivalent. SYNCMANAGER_KEYRING=1
keeps the key of a new profile in the system's keyring instead of a file.

Exit codes: 0 success; 1 failure, or an import that could import nothing; 2 wrong
usage; 3 some engines or some kinds of an import failed, or a server's file is
damaged; 4 sign in again; 5 the server asked to wait.`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.dir, "profile", "", "use the profile in the folder `DIR`")
	flags.BoolVar(&a.JSON, "json", false, "print JSON for programs")
	flags.BoolVarP(&a.Quiet, "quiet", "q", false, "print results and errors only")
	flags.BoolVarP(&a.Verbose, "verbose", "v", false, "write a log to stderr")
	flags.DurationVar(&a.wait, "wait", 10*time.Second, "wait this `TIME` while the profile is in use")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.Quiet && a.Verbose {
			return errors.New("--quiet and --verbose do not go together")
		}
		if a.wait < 0 {
			return errors.New("--wait must not be negative")
		}
		return nil
	}
	_ = root.MarkPersistentFlagDirname("profile")
	root.AddCommand(a.syncCommand(), a.statusCommand(), a.enginesCommand(), a.devicesCommand(), a.loginCommand(), a.pairCommand(), a.logoutCommand(), a.accountCommand(), a.importCommand(),
		a.searchCommand(), a.bookmarksCommand(), a.historyCommand(), a.passwordsCommand(), a.tabsCommand(), a.addressesCommand(), a.cardsCommand(),
		a.formsCommand(), a.prefsCommand(), a.addonsCommand(), a.storageCommand(), a.recordsCommand(),
		a.agentCommand(), a.uiCommand(), a.nativeHostCommand(), a.serveCommand(), a.serverCommand(), a.versionCommand(), jsonTopic())
	usage.Setup(root)
	return root
}

// do wraps the work of a command, and sets a.started.
func (a *app) do(work func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		a.started = true
		err := work(c, args)
		if errors.Is(err, syncmanager.ErrUnknownEngine) {
			return usage.Errorf("%w; 'syncmanager engines' lists them", err)
		}
		return err
	}
}

// report prints an error: a sentence on stderr, and with --json an object on stdout,
// whose status is one of those of a sync's result, or usage.
func (a *app) report(err error) {
	if err == nil || errors.As(err, new(*reportedError)) || errors.As(err, new(*exitError)) {
		return
	}
	a.complain(err)
	if !a.JSON {
		return
	}
	var usage *usage.Error
	status := string(statusOf(err))
	if errors.As(err, &usage) {
		status = "usage"
	}
	_ = a.PrintJSON(struct {
		Status string `json:"status"`
		Error  string `json:"error"`
	}{status, sentence(err)})
}

// log is the libraries' log.
func (a *app) log() *slog.Logger {
	if !a.Verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// envKeyring lets a new profile keep its local key in the system's keyring.
const envKeyring = "SYNCMANAGER_KEYRING"

// open opens the profile that the flags and the environment name, or returns the one that the agent
// holds. The caller closes it with close.
func (a *app) open(ctx context.Context, progress func(syncmanager.Progress)) (*profile.Profile, error) {
	if a.shared != nil {
		l := listener{progress: progress}
		if a.Verbose {
			l.log = a.log().Handler()
		}
		a.shared.hub.join(a, l)
		return a.shared.profile, nil
	}
	config, err := a.profileConfig(ctx, progress)
	if err != nil {
		return nil, err
	}
	return profile.Open(ctx, config)
}

func (a *app) profileConfig(ctx context.Context, progress func(syncmanager.Progress)) (profile.Config, error) {
	dir, err := a.profileDir()
	if err != nil {
		return profile.Config{}, err
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "this device"
	}
	return profile.Config{
		Dir: dir, Wait: a.wait, Waiting: a.waiting(ctx),
		Keyring: a.getenv(envKeyring) == "1", Hostname: host, Version: buildInfo().Version,
		Now: a.now, Rand: rand.Reader, Transport: transport(), Log: a.log(), Progress: progress,
	}, nil
}

// profileDir is the folder that the flag, the environment or the system names.
func (a *app) profileDir() (string, error) {
	if a.shared != nil {
		return a.shared.profile.Dir(), nil
	}
	if a.dir != "" {
		return a.dir, nil
	}
	return profile.DefaultDir(a.getenv)
}

// with returns a RunE that opens the profile, runs work and closes the profile.
func (a *app) with(work func(ctx context.Context, p *profile.Profile, args []string) error) func(*cobra.Command, []string) error {
	return a.onProfile(func(c *cobra.Command, args []string) (err error) {
		p, err := a.open(c.Context(), nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.close(p)) }()
		return work(c.Context(), p, args)
	})
}

// transport returns the transport of all requests. It gives up a server that does not
// answer, but not one that answers slowly.
func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	t.ResponseHeaderTimeout = 2 * time.Minute
	t.MaxIdleConnsPerHost = 8
	return t
}

// complain prints an error on stderr.
func (a *app) complain(err error) {
	fmt.Fprintln(a.Err, "syncmanager: "+term.Printable(sentence(err)))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/internal/agent"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// agentEnv are the environment variables that commands read which an agent runs.
var agentEnv = []string{"HOME", "XDG_CONFIG_HOME", "APPDATA", envKeyring}

// errAgentCame means that an agent began to hold the profile while the command waited for it.
var errAgentCame = errors.New("an agent holds the profile now")

// exitError is the exit code of a command that ran in the agent, which has said why.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// onProfile is do for a command that opens the profile: if an agent holds the profile, the agent does
// the work.
func (a *app) onProfile(work func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return a.do(func(c *cobra.Command, args []string) error {
		ran, err := a.inAgent(c.Context())
		if ran {
			return err
		}
		if err = work(c, args); errors.Is(err, errAgentCame) {
			_, err = a.inAgent(c.Context())
		}
		return err
	})
}

// inAgent runs the whole command line in the agent that holds the profile. ran is false if there is
// none.
func (a *app) inAgent(ctx context.Context) (ran bool, err error) {
	if a.shared != nil {
		return false, nil
	}
	in, isFile := a.In.(*os.File)
	out, outIsFile := a.Out.(*os.File)
	errs, errIsFile := a.Err.(*os.File)
	if !isFile || !outIsFile || !errIsFile {
		return false, nil // within another program, which holds the profile or not
	}
	client, err := a.dialAgent(ctx)
	if errors.Is(err, agent.ErrNone) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	defer func() { _ = client.Close() }()
	command := agent.Command{Version: buildInfo().Version, Args: a.args, Env: map[string]string{}}
	if command.Dir, err = os.Getwd(); err != nil {
		return true, err
	}
	for _, name := range agentEnv {
		command.Env[name] = a.getenv(name)
	}
	code, err := client.Run(ctx, command, in, out, errs, a.browse)
	if err == nil && code != exitDone {
		err = &exitError{code}
	}
	return true, err
}

// dialAgent connects to the agent that holds the profile.
func (a *app) dialAgent(ctx context.Context) (*agent.Client, error) {
	dir, err := a.profileDir()
	if err != nil {
		return nil, err
	}
	return agent.Dial(ctx, dir)
}

// waiting is called while another process has the profile: it says so once, and ends the wait if
// that is an agent.
func (a *app) waiting(ctx context.Context) func() error {
	said := false
	return func() error {
		if client, err := a.dialAgent(ctx); err == nil {
			_ = client.Close()
			return errAgentCame
		}
		if !said {
			a.Note("Waiting for another syncmanager that uses this profile…")
		}
		said = true
		return nil
	}
}

// close closes a profile that open returned.
func (a *app) close(p *profile.Profile) error {
	if a.shared != nil {
		a.shared.hub.leave(a)
		return nil
	}
	return p.Close()
}

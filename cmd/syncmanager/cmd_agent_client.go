package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/api/door"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// clientsFile has the clients of the agent, in the profile's folder.
const clientsFile = "clients.json"

// clients are the clients of the agent. The profile need not be open.
func (a *app) clients() (door.File, error) {
	dir, err := a.profileDir()
	return door.File{Path: filepath.Join(dir, clientsFile), Now: a.now, Rand: rand.Reader}, err
}

func (a *app) agentClientCommand() *cobra.Command {
	list := a.agentClientListCommand()
	c := &cobra.Command{
		Use:   "client",
		Short: "Say which programs may use the agent, and for what",
		Long: `Say which programs may use the agent, and for what. A program with a token of its own has
the rights that you give it. On the agent's socket, which only you can open, a program
without a token may do all but read secrets.`,
		Args: cobra.NoArgs,
		RunE: list.RunE,
	}
	c.AddCommand(list, a.agentClientAddCommand(), a.agentClientRemoveCommand())
	return c
}

// clientJSON is a client, without what its token is checked with.
type clientJSON struct {
	Name   string     `json:"name"`
	Rights api.Rights `json:"rights"`
	Added  time.Time  `json:"added"`
	// Token is shown once.
	Token string `json:"token,omitempty"`
}

func (a *app) agentClientListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the programs that have a token",
		Args:  cobra.NoArgs,
		RunE: a.do(func(*cobra.Command, []string) error {
			file, err := a.clients()
			if err != nil {
				return err
			}
			all, err := file.List()
			if err != nil {
				return err
			}
			out := []clientJSON{}
			t := term.Table{Head: []string{"NAME", "ENGINES", "MAY", "ADDED"}, Width: a.Width()}
			for _, c := range all {
				out = append(out, clientJSON{Name: c.Name, Rights: c.Rights, Added: c.Added})
				t.Add(c.Name, enginesText(c.Rights), rightsText(c.Rights), c.Added.Local().Format(time.DateOnly))
			}
			switch {
			case a.JSON:
				return a.PrintJSON(out)
			case len(all) == 0:
				a.Note("No program has a token.")
				return nil
			}
			return t.Print(a.Out)
		}),
	}
}

func enginesText(r api.Rights) string {
	if slices.Contains(r.Engines, api.Every) {
		return "all"
	}
	return strings.Join(r.Engines, ", ")
}

func rightsText(r api.Rights) string {
	may := "read"
	if r.Write {
		may += ", write"
	}
	if r.Secrets {
		may += ", secrets"
	}
	return may
}

func (a *app) agentClientAddCommand() *cobra.Command {
	var r api.Rights
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Give a program a token, and print it",
		Long: `Give a program a token, and print it. It is shown only now: the profile keeps a hash.
Without flags the program may read all engines but no secrets.`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(_ *cobra.Command, _ []string) error {
			for _, name := range r.Engines {
				if !slices.Contains(profile.Engines(), name) {
					return fmt.Errorf("%q is not an engine: 'syncmanager engines' lists them", name)
				}
			}
			return nil
		},
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			file, err := a.clients()
			if err != nil {
				return err
			}
			if len(r.Engines) == 0 {
				r.Engines = []string{api.Every}
			}
			token, err := file.Add(args[0], r)
			if err != nil {
				return fmt.Errorf("cannot add %q: %w", args[0], err)
			}
			if a.JSON {
				return a.PrintJSON(clientJSON{Name: args[0], Rights: r, Added: file.Now().UTC().Truncate(time.Second), Token: token})
			}
			a.Note("%s may use %s: %s. Its token, which is not shown again:", args[0], enginesText(r), rightsText(r))
			return a.Print("%s", token)
		}),
	}
	c.Flags().StringSliceVar(&r.Engines, "engine", nil, "allow these `ENGINES` only")
	c.Flags().BoolVar(&r.Write, "write", false, "allow changes")
	c.Flags().BoolVar(&r.Secrets, "secrets", false, "allow reading passwords and card numbers")
	return c
}

func (a *app) agentClientRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME…",
		Short: "Take the tokens of programs back, at once",
		Args:  cobra.MinimumNArgs(1),
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			file, err := a.clients()
			if err != nil {
				return err
			}
			var errs []error
			for _, name := range args {
				if err := file.Remove(name); err != nil {
					errs = append(errs, fmt.Errorf("cannot remove %q: %w", name, err))
				}
			}
			return errors.Join(errs...)
		}),
	}
}

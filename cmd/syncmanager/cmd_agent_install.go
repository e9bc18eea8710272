package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/internal/agent/service"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// A registrar makes an agent a service of the user, with programs of the system.
type registrar struct {
	// what names the service for the user.
	what string
	// path is the file that describes the service, and text its content; "" is none.
	path string
	text []byte
	// begin and end are the command lines after the file was written, and before it is removed;
	// after, if not nil, is one after that.
	begin      [][]string
	end, after []string
}

// registrarFor returns the registrar of a system.
func registrarFor(system string, s service.Agent, getenv func(string) string) (registrar, error) {
	home := getenv("HOME")
	switch system {
	case "windows":
		return registrar{
			what:  "the scheduled task " + s.TaskName(),
			begin: [][]string{{"schtasks", "/Create", "/SC", "ONLOGON", "/TN", s.TaskName(), "/TR", s.TaskCommand()}, {"schtasks", "/Run", "/TN", s.TaskName()}},
			end:   []string{"schtasks", "/Delete", "/F", "/TN", s.TaskName()},
		}, nil
	case "darwin":
		domain := "gui/" + strconv.Itoa(os.Getuid())
		path := s.PlistPath(home)
		return registrar{
			what: "the launch agent " + s.Label(), path: path, text: s.Plist(),
			begin: [][]string{{"launchctl", "bootstrap", domain, path}},
			end:   []string{"launchctl", "bootout", domain + "/" + s.Label()},
		}, nil
	}
	config := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = filepath.Join(home, ".config")
	}
	if !filepath.IsAbs(config) {
		return registrar{}, errors.New("no home folder found ($HOME)")
	}
	return registrar{
		what: "the systemd user unit " + s.UnitName(), path: s.UnitPath(config), text: s.Unit(),
		begin: [][]string{{"systemctl", "--user", "daemon-reload"}, {"systemctl", "--user", "enable", "--now", s.UnitName()}},
		end:   []string{"systemctl", "--user", "disable", "--now", s.UnitName()},
		after: []string{"systemctl", "--user", "daemon-reload"},
	}, nil
}

// registrar returns the registrar of the agent of the profile that the flags and the environment name,
// which listens at an address too if listen is not "".
func (a *app) registrar(listen string) (registrar, error) {
	if _, err := loopbackAddress(listen); err != nil {
		return registrar{}, err
	}
	dir, err := a.profileDir()
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return registrar{}, err
	}
	program, err := os.Executable()
	if err != nil {
		return registrar{}, fmt.Errorf("cannot tell where this program is: %w", err)
	}
	usual, err := profile.DefaultDir(func(name string) string {
		if name == profile.EnvDir {
			return ""
		}
		return a.getenv(name)
	})
	s := service.Agent{Program: program, Profile: dir, Default: err == nil && usual == dir, Listen: listen}
	return registrarFor(runtime.GOOS, s, a.getenv)
}

func (a *app) agentInstallCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "install",
		Short: "Have the system start the agent when you log in, and now",
		Long: `Have the system start the agent of this profile when you log in, and now: as a systemd
user unit, as a launch agent on macOS, or as a scheduled task on Windows. It needs no
privileges. A service that this program did not write is not replaced.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			r, err := a.registrar(listen)
			if err != nil {
				return err
			}
			if err := r.install(c.Context()); err != nil {
				return err
			}
			return a.reportService(r, "Installed and started "+r.what+".", "'syncmanager agent uninstall' undoes this.")
		}),
	}
	listenFlag(c, &listen)
	return c
}

func (a *app) agentUninstallCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall",
		Short: "Stop the agent, and have the system start it no more",
		Args:  cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			r, err := a.registrar("")
			if err != nil {
				return err
			}
			if err := r.uninstall(c.Context()); err != nil {
				return err
			}
			return a.reportService(r, "Stopped and removed "+r.what+".", "The profile and its data stay.")
		}),
	}
}

// reportService says what was done.
func (a *app) reportService(r registrar, did, then string) error {
	if a.JSON {
		return a.PrintJSON(map[string]string{"service": r.what, "file": r.path})
	}
	a.Note("%s", did)
	if r.path != "" {
		a.Note("Its file is %s.", r.path)
	}
	a.Note("%s", then)
	return nil
}

// ours returns an error for a file that this program did not write. found is false if there is none.
func (r registrar) ours() (found bool, err error) {
	if r.path == "" {
		return true, nil
	}
	text, err := os.ReadFile(r.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !service.Ours(text):
		return false, fmt.Errorf("%s was not written by 'syncmanager agent install'; move it away first", r.path)
	}
	return true, nil
}

func (r registrar) install(ctx context.Context) error {
	if _, err := r.ours(); err != nil {
		return err
	}
	if r.path != "" {
		if err := os.MkdirAll(filepath.Dir(r.path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(r.path, r.text, 0o644); err != nil {
			return err
		}
	}
	for _, line := range r.begin {
		if err := runProgram(ctx, line); err != nil {
			if r.path != "" {
				err = fmt.Errorf("%s is written, but the service does not start: %w", r.path, err)
			}
			return err
		}
	}
	return nil
}

func (r registrar) uninstall(ctx context.Context) error {
	found, err := r.ours()
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("the agent is not installed: there is no %s", r.path)
	}
	ended := runProgram(ctx, r.end)
	if r.path == "" {
		return ended
	}
	if err := os.Remove(r.path); err != nil {
		return errors.Join(ended, err)
	}
	if ended != nil {
		return fmt.Errorf("%s is removed, but the service was not stopped: %w", r.path, ended)
	}
	if r.after == nil {
		return nil
	}
	return runProgram(ctx, r.after)
}

// runProgram runs a program of the system, whose output is the error if it fails.
func runProgram(ctx context.Context, line []string) error {
	out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
	if err == nil {
		return nil
	}
	if said := strings.TrimSpace(string(out)); said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return fmt.Errorf("%s: %w", strings.Join(line, " "), err)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/nativehost/manifest"
	"github.com/syncmanager/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/internal/sealedfile"
)

// allBrowsers is the value of --browser for all of them.
const allBrowsers = "all"

// browserFlag adds --browser to a command.
func browserFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "browser", "", "`NAME`: chromium, chrome, edge, brave, vivaldi or all; by default, those that you use")
}

// chosenBrowsers returns the browsers that the flag names, and where their manifests go.
func (a *app) chosenBrowsers(ctx context.Context, name string) (s manifest.System, list []manifest.Browser, err error) {
	if s, err = a.hostSystem(ctx); err != nil {
		return s, nil, err
	}
	if b, ok := manifest.Find(name); ok {
		return s, []manifest.Browser{b}, nil
	}
	switch name {
	case allBrowsers:
		return s, manifest.Browsers, nil
	case "":
		for _, b := range manifest.Browsers {
			if s.Here(b) {
				list = append(list, b)
			}
		}
		if len(list) == 0 {
			return s, nil, errors.New("none of the browsers was used by you so far; name one with --browser")
		}
		return s, list, nil
	}
	return s, nil, usage.Errorf("--browser must be chromium, chrome, edge, brave, vivaldi or all, not %q", name)
}

// hostSystem is where the manifests of this system go.
func (a *app) hostSystem(ctx context.Context) (manifest.System, error) {
	dir, err := a.profileDir()
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	return manifest.System{OS: runtime.GOOS, Getenv: a.getenv, Data: dir, Registry: func(args ...string) ([]byte, error) {
		return exec.CommandContext(ctx, "reg", args...).CombinedOutput()
	}}, err
}

// installed is a browser, in JSON.
type installed struct {
	Browser string `json:"browser"`
	// File is the browser's manifest, Program what it starts; "": nothing.
	File    string `json:"file"`
	Program string `json:"program,omitempty"`
	// Problem is why it does not work, or absent.
	Problem string `json:"problem,omitempty"`
}

func (a *app) nativeInstallCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "install",
		Short: "Let the browsers start this program",
		Long: `Let the browsers start this program, for the extension of Sync Manager alone, by a file
in your own folders or, on Windows, an entry in your part of the registry. A file that
this program did not write is not replaced. A browser from a snap or a flatpak
cannot start programs.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			s, list, err := a.chosenBrowsers(c.Context(), name)
			if err != nil {
				return err
			}
			program, err := a.hostProgram(s)
			if err != nil {
				return err
			}
			done := []installed{}
			for _, b := range list {
				path, err := s.Install(b, program)
				if err != nil {
					return err
				}
				done = append(done, installed{Browser: b.Name, File: path, Program: program})
			}
			if a.JSON {
				return a.PrintJSON(done)
			}
			for i, b := range list {
				a.Note("%s starts syncmanager by %s.", b.Title, done[i].File)
			}
			a.Note("'syncmanager native-host extension DIR' writes the extension.")
			return nil
		}),
	}
	browserFlag(c, &name)
	return c
}

// hostProgram returns what a browser is to start: this program, which recognises the browser's
// arguments, or for another profile than the usual one a script that names it.
func (a *app) hostProgram(s manifest.System) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("cannot tell where this program is: %w", err)
	}
	usual, err := profile.DefaultDir(func(name string) string {
		if name == profile.EnvDir {
			return ""
		}
		return a.getenv(name)
	})
	if err == nil && usual == s.Data {
		return program, nil
	}
	path, text := filepath.Join(s.Data, "native-host"), fmt.Sprintf("#!/bin/sh\nexec %s --profile %s native-host serve \"$@\"\n", shellWord(program), shellWord(s.Data))
	if s.OS == "windows" {
		path, text = path+".bat", fmt.Sprintf("@\"%s\" --profile \"%s\" native-host serve %%*\r\n", program, s.Data)
	}
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return "", err
	}
	if err := sealedfile.Write(path, []byte(text)); err != nil {
		return "", err
	}
	return path, os.Chmod(path, 0o700)
}

// shellWord quotes a word for a shell.
func shellWord(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

func (a *app) nativeUninstallCommand() *cobra.Command {
	name := allBrowsers
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Let the browsers start this program no more",
		Args:  cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			s, list, err := a.chosenBrowsers(c.Context(), name)
			if err != nil {
				return err
			}
			done := []installed{}
			for _, b := range list {
				found, err := s.Uninstall(b)
				if err != nil {
					return err
				}
				if path, _ := s.Path(b); found {
					done = append(done, installed{Browser: b.Name, File: path})
					if !a.JSON {
						a.Note("%s does not start syncmanager anymore.", b.Title)
					}
				}
			}
			switch {
			case a.JSON:
				return a.PrintJSON(done)
			case len(done) == 0:
				return errors.New("it was not installed for these browsers")
			}
			a.Note("The profile and its data stay.")
			return nil
		}),
	}
	c.Flags().StringVar(&name, "browser", allBrowsers, "`NAME`: chromium, chrome, edge, brave, vivaldi or all")
	return c
}

func (a *app) nativeStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show which browsers start this program",
		Long: `Show for each browser that you use whether it starts this program. The exit code is 1 if
none does.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			s, err := a.hostSystem(c.Context())
			if err != nil {
				return err
			}
			list, any := []installed{}, false
			var t term.Table
			for _, b := range manifest.Browsers {
				i := installed{Browser: b.Name}
				if i.File, err = s.Path(b); err != nil {
					return err
				}
				i.Program, err = s.Program(b)
				text := "starts " + i.Program
				switch {
				case err != nil:
					i.Problem = sentence(err)
					text = i.Problem
				case i.Program == "" && !s.Here(b):
					continue
				case i.Program == "":
					text = "not installed"
				default:
					if _, err := os.Stat(i.Program); err != nil {
						i.Problem = "the program is not there anymore: 'syncmanager native-host install' names it again"
						text += ": " + i.Problem
						break
					}
					any = true
				}
				list = append(list, i)
				t.Add(b.Title, text)
			}
			if a.JSON {
				err = a.PrintJSON(list)
			} else {
				err = t.Print(a.Out)
			}
			if err == nil && !any {
				err = &exitError{exitFailed}
				if len(list) == 0 {
					err = errors.New("none of the browsers was used by you so far")
				}
			}
			return err
		}),
	}
}

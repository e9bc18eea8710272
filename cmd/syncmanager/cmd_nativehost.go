package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/extension"
	"github.com/syncmanager/syncmanager/internal/agent"
	"github.com/syncmanager/syncmanager/internal/nativehost"
)

// startedByBrowser returns the arguments of a program that a browser started as its native host,
// with the extension's origin as the first one: they become those of the command native-host.
func startedByBrowser(args []string) []string {
	if len(args) > 0 && strings.HasPrefix(args[0], "chrome-extension://") {
		return append([]string{"native-host", "serve"}, args...)
	}
	return args
}

func (a *app) nativeHostCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "native-host",
		Short: "Keep Chromium, Chrome, Edge, Brave and Vivaldi in sync",
		Long: `Keep the bookmarks, tabs and, if you want that, the history of Chromium and of the
browsers that are built on it in sync, by an extension.

  syncmanager native-host install          lets the browsers start this program
  syncmanager native-host extension DIR    writes the extension into a folder

Then open chrome://extensions in the browser, turn on "Developer mode", choose "Load
unpacked", and select the folder. A page of the extension shows what the first merge will
do, and does it when you say so. Several browsers, and several profiles of one, share
this profile.

The browser starts this program by itself. It works with the agent of this
profile, and is the agent as long as the browser runs if there is no other.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.nativeServeCommand(), a.nativeInstallCommand(), a.nativeUninstallCommand(), a.nativeStatusCommand(), a.nativeExtensionCommand())
	return c
}

// nativeServeCommand is what a browser starts, with the extension's origin.
func (a *app) nativeServeCommand() *cobra.Command {
	var window string
	c := &cobra.Command{
		Use:    "serve ORIGIN",
		Short:  "Serve the extension of the browser that started this program",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("a browser starts this: 'syncmanager native-host install' lets it")
			}
			return nil
		},
		RunE: a.do(func(c *cobra.Command, args []string) error { return a.serveBrowser(c.Context(), args[0]) }),
	}
	c.Flags().StringVar(&window, "parent-window", "", "what browsers on Windows add")
	_ = c.Flags().MarkHidden("parent-window")
	return c
}

// serveBrowser serves the extension that started this program, until it closes the connection.
func (a *app) serveBrowser(ctx context.Context, origin string) error {
	if origin != nativehost.Origin {
		return fmt.Errorf("%.100q is not the extension of Sync Manager", origin)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended, err := a.reachAgent(ctx)
	if err != nil {
		return errors.Join(err, nativehost.Refuse(a.Out, err))
	}
	dir, err := a.profileDir()
	if err != nil {
		return err
	}
	host := nativehost.Host{In: a.In, Out: a.Out, Agent: agent.HTTPClient(dir), Version: buildInfo().Version, Now: a.now, Log: a.log()}
	err = host.Run(ctx)
	stop()
	if ended != nil {
		err = errors.Join(err, <-ended)
	}
	return err
}

// reachAgent makes sure that an agent runs for the profile: one that runs already, or else one in
// this process, whose end is told by ended; nil: it is not in this process.
func (a *app) reachAgent(ctx context.Context) (ended <-chan error, err error) {
	client, err := a.dialAgent(ctx)
	if err == nil {
		return nil, client.Close()
	}
	if !errors.Is(err, agent.ErrNone) {
		return nil, err
	}
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- a.beAgent(ctx, "", func(string) { close(ready) }, nil) }()
	select {
	case <-ready:
		return done, nil
	case err := <-done:
		// Another agent may have come first.
		if client, dialed := a.dialAgent(ctx); dialed == nil {
			return nil, client.Close()
		}
		if err == nil {
			err = errors.New("the agent ended")
		}
		return nil, err
	}
}

func (a *app) nativeExtensionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "extension DIR",
		Short: "Write the extension into a new folder",
		Long: `Write the extension into the new folder DIR, from where a browser loads it: open
chrome://extensions, turn on "Developer mode", choose "Load unpacked", and select DIR.
The folder must stay. After an update of syncmanager, write it again, and press
the extension's "Reload" there.`,
		Args: cobra.ExactArgs(1),
		RunE: a.do(func(_ *cobra.Command, args []string) error {
			dir := a.Path(args[0])
			if err := writeExtension(dir); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"folder": dir})
			}
			a.Note("Wrote the extension to %s.", dir)
			a.Note("Open chrome://extensions in the browser, turn on \"Developer mode\", choose \"Load unpacked\", and select that folder.")
			return nil
		}),
	}
}

// writeExtension writes the extension's files into dir, which is new, empty, or has an extension
// of ours.
func writeExtension(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		if err != nil || !strings.Contains(string(b), `"name": "Sync Manager"`) {
			return fmt.Errorf("%s is not empty and has no extension of Sync Manager; name another folder", dir)
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	files := extension.Files()
	return fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, path), b, 0o600)
	})
}

package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

// Completion never makes a profile, never asks the network, and keeps silent
// where it cannot look: another command may have the profile open.

// completeEngines completes the names that are not on the line yet.
func completeEngines(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, name := range profile.Engines() {
		if !slices.Contains(args, name) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeDeviceCommand(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
			m, err := p.Manager(ctx)
			if err != nil {
				return nil, err
			}
			for _, d := range m.Devices() {
				if !d.Local {
					words = append(words, cobra.CompletionWithDesc(d.Name, printable(strings.TrimSpace(d.Type+" "+profile.ShortID(d.ID)))))
				}
			}
			return words, nil
		})
	case 1:
		return []string{"wipe", "reset", "logout"}, cobra.ShellCompDirectiveNoFileComp
	case 2:
		if commands[args[1]].engine {
			return profile.Engines(), cobra.ShellCompDirectiveNoFileComp
		}
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeLogins completes the beginnings of IDs, with site and username beside.
func (a *app) completeLogins(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 && c.Name() != "rm" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
		store, err := p.Passwords(ctx)
		if err != nil {
			return nil, err
		}
		for l, err := range store.List(ctx) {
			if err != nil {
				return nil, err
			}
			words = append(words, cobra.CompletionWithDesc(profile.ShortID(l.ID), printable(strings.TrimSpace(l.Hostname+" "+l.Username))))
		}
		return words, nil
	})
}

func (a *app) completeTabs(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
		store, err := p.Tabs(ctx)
		if err != nil {
			return nil, err
		}
		own, err := store.Tabs(ctx)
		if err != nil {
			return nil, err
		}
		for _, tab := range own {
			words = append(words, cobra.CompletionWithDesc(tab.URL(), printable(tab.Title)))
		}
		return words, nil
	})
}

func (a *app) complete(c *cobra.Command, words func(context.Context, *profile.Profile) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	dir, err := a.profileDir()
	if err != nil || !profile.Exists(dir) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	a.wait = 0
	p, err := a.open(c.Context(), nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = p.Close() }()
	found, err := words(c.Context(), p)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	// A shell shows them as they are.
	found = slices.DeleteFunc(found, func(word string) bool {
		return strings.ContainsFunc(strings.Replace(word, "\t", "", 1), hides)
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// complete returns the words that complete the command line. It makes no profile and
// does not use the network. It returns nothing if it cannot open the profile, which
// another command may be using.
func (a *app) complete(c *cobra.Command, words func(context.Context, *profile.Profile) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	dir, err := a.profileDir()
	if err != nil || !profile.Exists(dir) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if ran, _ := a.inAgent(c.Context()); ran { // it has printed the words
		c.Root().SetOut(io.Discard)
		c.Root().SetErr(io.Discard)
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	a.wait = 0
	p, err := a.open(c.Context(), nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = a.close(p) }()
	found, err := words(c.Context(), p)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	// A shell shows control characters as they are.
	found = slices.DeleteFunc(found, func(word string) bool {
		return strings.ContainsFunc(strings.Replace(word, "\t", "", 1), term.Hides)
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
)

func (n *noun[R]) list(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "list [WORD]",
		Short: "List the " + n.name + "; those in which WORD stands",
		Args:  cobra.MaximumNArgs(1),
	}
	shown := n.revealing(c)
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		store, err := n.open(p, ctx)
		if err != nil {
			return err
		}
		word := ""
		if len(args) == 1 {
			word = args[0]
		}
		found, err := n.sorted(ctx, store, word)
		if err != nil {
			return err
		}
		for i := range found {
			found[i] = shown(found[i])
		}
		if a.JSON {
			return term.PrintArray(a.JSONOut(), all(found), func(r R) any { return r })
		}
		if len(found) == 0 {
			a.Note("No %s.", n.name)
			return nil
		}
		columns := n.columns
		if !n.named {
			columns = slices.Insert(slices.Clone(columns), 0, column[R]{"ID", n.shortID})
		}
		t := term.Table{Width: a.Width()}
		for _, col := range columns {
			t.Head = append(t.Head, col.head)
		}
		for _, r := range found {
			var row []string
			for _, col := range columns {
				row = append(row, col.text(r))
			}
			t.Add(row...)
		}
		return t.Print(a.Out)
	})
	return c
}

// all yields the elements, none of them with an error.
func all[T any](list []T) func(func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for _, x := range list {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func (n *noun[R]) show(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:               "show " + n.word(),
		Short:             "Show one " + n.one,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: n.complete(a, false),
	}
	shown := n.revealing(c)
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		_, r, err := n.find(ctx, p, args[0])
		if err != nil {
			return err
		}
		r = shown(r)
		if a.JSON {
			return a.PrintJSON(r)
		}
		t := term.Table{}
		if !n.named {
			t.Add("ID", string(n.id(r)))
		}
		for _, f := range n.fields {
			if text := f.text(r); text != "" {
				t.Add(f.label, text)
			}
		}
		return t.Print(a.Out)
	})
	return c
}

func (n *noun[R]) add(a *app) *cobra.Command {
	c := &cobra.Command{Use: "add", Short: "Add one " + n.one, Args: cobra.NoArgs, PreRunE: anyFlag}
	if slices.ContainsFunc(n.fields, func(f field[R]) bool { return f.secret }) {
		c.PreRunE = nil // there is something to ask for
	}
	flags := n.flags(c, false)
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
		store, err := n.open(p, ctx)
		if err != nil {
			return err
		}
		var r R
		if err := flags.apply(ctx, a, c, &r, true); err != nil {
			return err
		}
		if r, err = store.Add(ctx, r); err != nil {
			return n.duplicate(err)
		}
		return n.said(a, "Added", r)
	})
	return c
}

func (n *noun[R]) edit(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:               "edit " + n.word(),
		Short:             "Change the fields that flags name",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: n.complete(a, false),
		PreRunE:           anyFlag,
	}
	flags := n.flags(c, true)
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		store, r, err := n.find(ctx, p, args[0])
		if err != nil {
			return err
		}
		if err := flags.apply(ctx, a, c, &r, false); err != nil {
			return err
		}
		if r, err = store.Update(ctx, r); err != nil {
			return n.duplicate(err)
		}
		return n.said(a, "Changed", r)
	})
	return c
}

func (n *noun[R]) remove(a *app) *cobra.Command {
	yes := n.sure == ""
	c := &cobra.Command{
		Use:               "rm " + n.word() + "…",
		Short:             "Delete " + n.name + ", here and with the next sync everywhere",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: n.complete(a, true),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			if !yes {
				return fmt.Errorf("%s; add --yes if you mean it", n.sure)
			}
			store, found, err := n.findAll(ctx, p, args)
			if err != nil {
				return err
			}
			return n.each(a, found, "Deleted", func(r *R) error { return store.Delete(ctx, n.id(*r)) })
		}),
	}
	if n.sure != "" {
		c.Flags().BoolVar(&yes, "yes", false, "do it")
	}
	return c
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (s *storeCommand[R]) list(a *app) *cobra.Command {
	reveal := false
	c := &cobra.Command{
		Use:   "list [WORD]",
		Short: "List the " + s.name + ", or those that contain WORD",
		Args:  cobra.MaximumNArgs(1),
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		store, err := s.open(ctx, p)
		if err != nil {
			return err
		}
		word := ""
		if len(args) == 1 {
			word = args[0]
		}
		found, err := s.chosen(ctx, store, c.Flags(), word)
		if err != nil {
			return err
		}
		return s.printList(a, found, reveal)
	})
	var flags []string
	for _, f := range s.filters {
		c.Flags().String(f.flag, "", f.usage)
		flags = append(flags, f.flag)
	}
	c.MarkFlagsMutuallyExclusive(flags...)
	if s.secret != nil {
		c.Flags().BoolVar(&reveal, s.secret.flag, false, "print the "+s.secret.what+" in full")
	}
	return c
}

// chosen returns the items that a filter among the flags finds, or all, and of those the
// ones that contain word, sorted by title.
func (s *storeCommand[R]) chosen(ctx context.Context, store itemStore[R], flags *pflag.FlagSet, word string) ([]R, error) {
	for _, f := range s.filters {
		if given := flags.Lookup(f.flag); given.Changed {
			word := strings.ToLower(word)
			return s.sorted(f.find(ctx, store, given.Value.String()), func(r R) bool { return s.matches(r, word) })
		}
	}
	return s.found(ctx, store, word)
}

// printList prints items, with their secrets if reveal says so.
func (s *storeCommand[R]) printList(a *app, found []R, reveal bool) error {
	for i := range found {
		if !reveal {
			found[i] = s.hide(found[i])
		}
	}
	if a.JSON {
		return term.PrintArray(a.JSONOut(), withoutErrors(found), s.json)
	}
	if len(found) == 0 {
		a.Note("No %s.", s.name)
		return nil
	}
	columns := slices.Clone(s.columns)
	if !s.idIsName {
		columns = slices.Insert(columns, 0, column[R]{"ID", s.shortID})
	}
	if reveal && s.secret.column.head != "" {
		columns = append(columns, s.secret.column)
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
}

// withoutErrors yields the elements of a list, each with a nil error.
func withoutErrors[T any](list []T) func(func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for _, x := range list {
			if !yield(x, nil) {
				return
			}
		}
	}
}

func (s *storeCommand[R]) show(a *app) *cobra.Command {
	reveal := s.secret == nil || s.secret.inShow
	c := &cobra.Command{
		Use:               "show " + s.placeholder(),
		Short:             "Show one " + s.one,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.complete(a, false),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			_, r, err := s.find(ctx, p, args[0])
			if err != nil {
				return err
			}
			if !reveal {
				r = s.hide(r)
			}
			if a.JSON {
				return a.PrintJSON(s.json(r))
			}
			var t term.Table
			if !s.idIsName {
				t.Add("ID", string(s.id(r)))
			}
			for _, f := range s.fields {
				if text := f.text(r); text != "" {
					t.Add(f.label, text)
				}
			}
			return t.Print(a.Out)
		}),
	}
	if !reveal {
		c.Flags().BoolVar(&reveal, s.secret.flag, false, "print the "+s.secret.what+" in full")
	}
	return c
}

func (s *storeCommand[R]) add(a *app) *cobra.Command {
	c := &cobra.Command{Use: "add", Short: "Add one " + s.one, Args: cobra.NoArgs, PreRunE: changesField}
	if slices.ContainsFunc(s.fields, func(f field[R]) bool { return f.secret || f.required }) {
		c.PreRunE = nil // add asks for the one, and cobra demands the other
	}
	flags := s.fieldFlags(c, false)
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
		store, err := s.open(ctx, p)
		if err != nil {
			return err
		}
		var r R
		if err := setFields(ctx, a, c, flags, &r); err != nil {
			return err
		}
		if r, err = store.Add(ctx, r); err != nil {
			return s.explain(err)
		}
		return s.report(a, "Added", r)
	})
	return c
}

func (s *storeCommand[R]) edit(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:               "edit " + s.placeholder(),
		Short:             "Change the fields that flags name",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.complete(a, false),
		PreRunE:           changesField,
	}
	flags := s.fieldFlags(c, true)
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		store, r, err := s.find(ctx, p, args[0])
		if err != nil {
			return err
		}
		if err := setFields(ctx, a, c, flags, &r); err != nil {
			return err
		}
		if r, err = store.Update(ctx, r); err != nil {
			return s.explain(err)
		}
		return s.report(a, "Changed", r)
	})
	return c
}

func (s *storeCommand[R]) remove(a *app) *cobra.Command {
	yes := s.confirm == ""
	c := &cobra.Command{
		Use:               "rm " + s.placeholder() + "…",
		Short:             "Delete " + s.name + " here, and everywhere with the next sync",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.complete(a, true),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			if !yes {
				return fmt.Errorf("%s; add --yes if you mean it", s.confirm)
			}
			store, found, err := s.findAll(ctx, p, args)
			if err != nil {
				return err
			}
			return s.forEach(a, found, "Deleted", func(r *R) error { return store.Delete(ctx, s.id(*r)) })
		}),
	}
	if s.confirm != "" {
		c.Flags().BoolVar(&yes, "yes", false, "do it")
	}
	return c
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

// A field is a part of an item that show prints and that add and edit set.
type field[R any] struct {
	label string
	text  func(R) string
	// flag is the flag that sets it; "" for a field that is only shown.
	flag, usage string
	set         func(*R, string) error
	// required is set if add needs the flag.
	required bool
	// secret is set if the value must not be on the command line: --FLAG-stdin and a
	// prompt replace the flag.
	secret bool
	// repeat is set if a secret is typed twice.
	repeat bool
	// generate, if not nil, makes a secret for the flag --generate.
	generate func(random io.Reader) (string, error)
}

// textField returns a field that is a string.
func textField[R any](flag, label, usage string, in func(*R) *string) field[R] {
	return field[R]{
		label: label, flag: flag, usage: usage,
		text: func(r R) string { return *in(&r) },
		set:  func(r *R, s string) error { *in(r) = s; return nil },
	}
}

// shownField returns a field that no flag sets.
func shownField[R any](label string, text func(R) string) field[R] {
	return field[R]{label: label, text: text}
}

// A fieldFlag is how the command line gives a field's value.
type fieldFlag[R any] struct {
	field[R]
	value                  *string
	stdin, ask, generateIt *bool
}

// fieldFlags defines the flags of the fields. Those of edit, unlike those of add, ask
// for a secret only if --FLAG says so.
func (s *storeCommand[R]) fieldFlags(c *cobra.Command, edit bool) (all []*fieldFlag[R]) {
	flags := c.Flags()
	for _, f := range s.fields {
		if f.flag == "" {
			continue
		}
		v := &fieldFlag[R]{field: f, ask: new(bool), generateIt: new(bool)}
		all = append(all, v)
		if !f.secret {
			v.value = flags.String(f.flag, "", f.usage)
			if f.required && !edit {
				_ = c.MarkFlagRequired(f.flag)
			}
			continue
		}
		sources := []string{f.flag + "-stdin"}
		v.stdin = flags.Bool(f.flag+"-stdin", false, "read the "+f.usage+" from the first line of stdin")
		*v.ask = !edit
		if edit {
			sources = append(sources, f.flag)
			v.ask = flags.Bool(f.flag, false, "ask for the "+f.usage+" on the terminal")
		}
		if f.generate != nil {
			sources = append(sources, "generate")
			v.generateIt = flags.Bool("generate", false, "make a random "+f.usage)
		}
		c.MarkFlagsMutuallyExclusive(sources...)
	}
	return all
}

// setFields sets the fields of r that flags give.
func setFields[R any](ctx context.Context, a *app, c *cobra.Command, all []*fieldFlag[R], r *R) error {
	for _, f := range all {
		value, given, err := f.read(ctx, a, c)
		if err != nil {
			return err
		}
		if !given {
			continue
		}
		if err := f.set(r, value); err != nil {
			return usage.Errorf("--%s: %w", f.flag, err)
		}
	}
	return nil
}

// read returns the value of a field, if the command line gives one.
func (f *fieldFlag[R]) read(ctx context.Context, a *app, c *cobra.Command) (value string, given bool, err error) {
	switch {
	case !f.secret:
		return *f.value, c.Flags().Changed(f.flag), nil
	case *f.generateIt:
		value, err = f.generate(rand.Reader)
	case *f.stdin || *f.ask:
		value, err = a.Secret(ctx, f.flag, *f.stdin, f.repeat)
	default:
		return "", false, nil
	}
	return value, true, err
}

// changesField refuses an edit that names nothing to change.
func changesField(c *cobra.Command, _ []string) error {
	changes := false
	c.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) { changes = changes || flag.Changed })
	if !changes {
		return errors.New("name a field to change")
	}
	return nil
}

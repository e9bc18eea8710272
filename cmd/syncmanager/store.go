package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// items is a store as its commands need it; *mirror.Store[R] is one.
type items[R any] interface {
	List(ctx context.Context) iter.Seq2[R, error]
	Get(ctx context.Context, id engine.ID) (R, error)
	Add(ctx context.Context, r R) (R, error)
	Update(ctx context.Context, r R) (R, error)
	Delete(ctx context.Context, id engine.ID) error
	Import(ctx context.Context, source iter.Seq2[R, error], item func(*R) string, o mirror.ImportOptions) (mirror.Imported, error)
	undoer
}

// A noun is a store whose items all have the same verbs: list, show, add, edit, rm,
// import, export, log and undo. R is an item; it goes through encoding/json with the wire's
// names.
type noun[R any] struct {
	// name is the command, one what it calls an item: "addresses", "address".
	name, one   string
	short, long string
	open        func(*profile.Profile, context.Context) (items[R], error)
	id          func(R) engine.ID
	// title names an item in a line, and sorts the list. It holds no secret.
	title func(R) string
	// names are what else an item goes by on the command line.
	names []func(R) string
	// columns are the list's, behind the ID if that is no name.
	columns []column[R]
	// fields are what add and edit set and show prints. Without any that has a flag,
	// there is no add and no edit.
	fields []field[R]
	// mask hides what is secret in an item, unless the flag --reveal asks for it. nil:
	// nothing is secret.
	mask   func(R) R
	reveal string
	// editOnly says that an item is never made here.
	editOnly bool
	// named says that IDs are names, which title, columns and fields show.
	named bool
	// sure, if not "", is what rm says to one who has not said --yes.
	sure string
	// more are further verbs, and those that take the place of one of the usual.
	more []*cobra.Command
}

type column[R any] struct {
	head string
	text func(R) string
}

type field[R any] struct {
	label string
	text  func(R) string
	// flag is the flag that sets it, "" for a field that is only shown.
	flag, usage string
	set         func(*R, string) error
	// secret says that the value never stands on the command line: --FLAG-stdin and a
	// prompt take the flag's place.
	secret bool
}

// textField is a field that is a string.
func textField[R any](flag, label, usage string, in func(*R) *string) field[R] {
	return field[R]{
		label: label, flag: flag, usage: usage,
		text: func(r R) string { return *in(&r) },
		set:  func(r *R, s string) error { *in(r) = s; return nil },
	}
}

// shownField is a field that no flag sets.
func shownField[R any](label string, text func(R) string) field[R] {
	return field[R]{label: label, text: text}
}

func (n *noun[R]) command(a *app) *cobra.Command {
	list := n.list(a)
	c := &cobra.Command{Use: n.name, Short: n.short, Long: n.long, Args: cobra.NoArgs, RunE: list.RunE}
	c.Flags().AddFlagSet(list.Flags())
	verbs := []*cobra.Command{list, n.show(a), n.remove(a), n.export(a)}
	if slices.ContainsFunc(n.fields, func(f field[R]) bool { return f.flag != "" }) {
		if !n.editOnly {
			verbs = append(verbs, n.add(a))
		}
		verbs = append(verbs, n.edit(a))
	}
	if !n.editOnly {
		verbs = append(verbs, n.imports(a))
	}
	for _, v := range verbs {
		if !slices.ContainsFunc(n.more, func(m *cobra.Command) bool { return m.Name() == v.Name() }) {
			c.AddCommand(v)
		}
	}
	c.AddCommand(n.more...)
	c.AddCommand(a.undoCommands(n.name, func(ctx context.Context, p *profile.Profile) (undoer, error) { return n.open(p, ctx) })...)
	return c
}

// word is how an item is named in a command's usage: "ADDRESS".
func (n *noun[R]) word() string { return strings.ToUpper(strings.ReplaceAll(n.one, " ", "-")) }

func (n *noun[R]) shortID(r R) string {
	if n.named {
		return string(n.id(r))
	}
	return profile.ShortID(n.id(r))
}

// revealing adds the flag that shows secrets, and returns what hides them.
func (n *noun[R]) revealing(c *cobra.Command) func(R) R {
	show := n.mask == nil
	if n.mask != nil {
		c.Flags().BoolVar(&show, n.reveal, false, "print them in full")
	}
	return func(r R) R {
		if show {
			return r
		}
		return n.mask(r)
	}
}

// has tells whether the word, in lower case, stands in an item's title or in a column
// of the list, or is its ID. What is masked is not searched.
func (n *noun[R]) has(r R, word string) bool {
	if n.mask != nil {
		r = n.mask(r)
	}
	return strings.Contains(strings.ToLower(n.title(r)), word) || strings.EqualFold(string(n.id(r)), word) ||
		slices.ContainsFunc(n.columns, func(col column[R]) bool { return strings.Contains(strings.ToLower(col.text(r)), word) })
}

// sorted are the items that have the word, by their titles.
func (n *noun[R]) sorted(ctx context.Context, store items[R], word string) ([]R, error) {
	word = strings.ToLower(word)
	var found []R
	for r, err := range store.List(ctx) {
		if err != nil {
			return nil, err
		}
		if n.has(r, word) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(x, y R) int {
		return cmp.Or(cmp.Compare(strings.ToLower(n.title(x)), strings.ToLower(n.title(y))), cmp.Compare(n.id(x), n.id(y)))
	})
	return found, nil
}

func (n *noun[R]) find(ctx context.Context, p *profile.Profile, word string) (items[R], R, error) {
	var none R
	store, err := n.open(p, ctx)
	if err != nil {
		return nil, none, err
	}
	r, err := store.Get(ctx, engine.ID(word))
	if errors.Is(err, mirror.ErrNotFound) {
		r, err = profile.Pick(word, n.one, store.List(ctx), n.id, n.title, n.names...)
	}
	return store, r, err
}

// findAll finds all items before any is touched: a mistyped word changes nothing.
func (n *noun[R]) findAll(ctx context.Context, p *profile.Profile, words []string) (store items[R], found []R, err error) {
	for _, word := range words {
		var r R
		if store, r, err = n.find(ctx, p, word); err != nil {
			return nil, nil, err
		}
		found = append(found, r)
	}
	return store, found, nil
}

// each does something to items, and reports those to which it was done.
func (n *noun[R]) each(a *app, found []R, done string, do func(*R) error) error {
	for i := range found {
		if err := do(&found[i]); err != nil {
			return err
		}
		if n.mask != nil {
			found[i] = n.mask(found[i])
		}
		if !a.JSON {
			if err := n.said(a, done, found[i]); err != nil {
				return err
			}
		}
	}
	if a.JSON {
		return a.PrintJSON(found)
	}
	return nil
}

// complete completes the beginnings of IDs, with the titles beside.
func (n *noun[R]) complete(a *app, many bool) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 && !many {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
			store, err := n.open(p, ctx)
			if err != nil {
				return nil, err
			}
			for r, err := range store.List(ctx) {
				if err != nil {
					return nil, err
				}
				words = append(words, cobra.CompletionWithDesc(n.shortID(r), term.Printable(n.title(r))))
			}
			return words, nil
		})
	}
}

// said reports an item that was added or changed.
func (n *noun[R]) said(a *app, what string, r R) error {
	if n.mask != nil {
		r = n.mask(r)
	}
	if a.JSON {
		return a.PrintJSON(r)
	}
	if n.named {
		return a.Print("%s %s", what, n.title(r))
	}
	return a.Print("%s", strings.TrimRight(what+" "+n.shortID(r)+"  "+n.title(r), " "))
}

// values are the flags of an item's fields on a command line.
type values[R any] struct {
	fields []field[R]
	text   map[string]*string
	stdin  map[string]*bool
	asked  map[string]*bool
}

// flags registers the fields' flags. asking adds those that ask for a secret.
func (n *noun[R]) flags(c *cobra.Command, asking bool) *values[R] {
	v := &values[R]{n.fields, map[string]*string{}, map[string]*bool{}, map[string]*bool{}}
	for _, f := range n.fields {
		switch {
		case f.flag == "":
		case f.secret:
			v.stdin[f.flag] = c.Flags().Bool(f.flag+"-stdin", false, "read the "+f.usage+" from the first line of stdin")
			if asking {
				v.asked[f.flag] = c.Flags().Bool(f.flag, false, "ask for the "+f.usage+" on the terminal")
			}
		default:
			v.text[f.flag] = c.Flags().String(f.flag, "", f.usage)
		}
	}
	return v
}

// apply sets the fields whose flags were given. all asks for secrets that no flag
// names too.
func (v *values[R]) apply(ctx context.Context, a *app, c *cobra.Command, r *R, all bool) error {
	for _, f := range v.fields {
		var value string
		switch stdin := v.stdin[f.flag]; {
		case f.flag == "":
			continue
		case stdin != nil:
			asked := v.asked[f.flag] != nil && *v.asked[f.flag]
			if !*stdin && !asked && !all {
				continue
			}
			var err error
			if value, err = a.Secret(ctx, f.flag, *stdin, false); err != nil {
				return err
			}
		case !c.Flags().Changed(f.flag):
			continue
		default:
			value = *v.text[f.flag]
		}
		if err := f.set(r, value); err != nil {
			return usage.Errorf("--%s: %w", f.flag, err)
		}
	}
	return nil
}

// anyFlag refuses an edit that names nothing to change.
func anyFlag(c *cobra.Command, _ []string) error {
	changes := false
	c.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) { changes = changes || flag.Changed })
	if !changes {
		return errors.New("name a field to change")
	}
	return nil
}

// duplicate words the refusal of an item that is here already.
func (n *noun[R]) duplicate(err error) error {
	var dupe *mirror.DuplicateError
	if errors.As(err, &dupe) {
		id := string(dupe.ID)
		if !n.named {
			id = profile.ShortID(dupe.ID)
		}
		return fmt.Errorf("this %s is here already: %s", n.one, id)
	}
	return err
}

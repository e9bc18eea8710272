package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// itemStore is a store as its commands need it; those of the flat engines fulfil it.
type itemStore[R any] interface {
	List(ctx context.Context) iter.Seq2[R, error]
	Get(ctx context.Context, id engine.ID) (R, error)
	Add(ctx context.Context, r R) (R, error)
	Update(ctx context.Context, r R) (R, error)
	Delete(ctx context.Context, id engine.ID) error
	Import(ctx context.Context, source iter.Seq2[R, error], item func(*R) string, o importing.Options) (importing.Report, error)
	undoer
}

// A storeCommand describes the command of a store: its subcommands list, show, add,
// edit, rm, import, export, log and undo are the same for all stores. R is an item,
// which encoding/json writes with the names that it has on the wire.
type storeCommand[R any] struct {
	// name is the command, one is the word for an item: "addresses", "address".
	name, one   string
	short, long string
	open        func(context.Context, *profile.Profile) (itemStore[R], error)
	id          func(R) engine.ID
	// title describes an item in a line, and sorts the list. It holds no secret.
	title func(R) string
	// named, if not nil, reports whether a word on the command line names an item, besides
	// its title and its ID.
	named func(r R, word string) bool
	// columns are those of the list. The ID is put before them unless idIsName.
	columns []column[R]
	// fields are what show prints and what add and edit set. If no field has a flag,
	// the store has neither add nor edit.
	fields []field[R]
	// secret describes what is hidden unless it is asked for; nil means nothing.
	secret *secret[R]
	// search, if not nil, takes the place of a search in the title and the columns.
	search func(ctx context.Context, store itemStore[R], word string) iter.Seq2[R, error]
	// filters are flags of list.
	filters []filter[R]
	// formats are those of export; by default JSON only.
	formats []format[R]
	// editOnly leaves out add and import.
	editOnly bool
	// idIsName is set if the ID is a name, which the title and the columns hold.
	idIsName bool
	// confirm, if not "", is what rm says without --yes.
	confirm string
	// subcommands are added to the usual ones, or replace those of the same name.
	subcommands []*cobra.Command
}

type column[R any] struct {
	head string
	text func(R) string
}

// A secret is a part of an item that is printed only if it is asked for.
type secret[R any] struct {
	// what names it in the plural: "passwords".
	what string
	// flag is the flag that asks for it.
	flag string
	// hide returns the item without it.
	hide func(R) R
	// json, if not nil, returns what encoding/json writes for an item.
	json func(R) any
	// column, if it has a head, is added to a list that shows the secret.
	column column[R]
	// inShow is set if show prints it without the flag.
	inShow bool
}

// A filter is a flag of list that chooses among the items.
type filter[R any] struct {
	flag, usage string
	find        func(ctx context.Context, store itemStore[R], value string) iter.Seq2[R, error]
}

// A format is one of the formats of export.
type format[R any] struct {
	name  string
	write func(ctx context.Context, store itemStore[R], w io.Writer) error
}

func (s *storeCommand[R]) command(a *app) *cobra.Command {
	list := s.list(a)
	c := &cobra.Command{Use: s.name, Short: s.short, Long: s.long, Args: cobra.NoArgs, RunE: list.RunE}
	c.Flags().AddFlagSet(list.Flags())
	usual := []*cobra.Command{list, s.show(a), s.remove(a), s.export(a)}
	if slices.ContainsFunc(s.fields, func(f field[R]) bool { return f.flag != "" }) {
		if !s.editOnly {
			usual = append(usual, s.add(a))
		}
		usual = append(usual, s.edit(a))
	}
	if !s.editOnly {
		usual = append(usual, s.importCommand(a))
	}
	for _, u := range usual {
		if !slices.ContainsFunc(s.subcommands, func(c *cobra.Command) bool { return c.Name() == u.Name() }) {
			c.AddCommand(u)
		}
	}
	c.AddCommand(s.subcommands...)
	c.AddCommand(a.undoCommands(s.name, func(ctx context.Context, p *profile.Profile) (undoer, error) { return s.open(ctx, p) })...)
	return c
}

// placeholder is the word for an item in a usage line: "ADDRESS".
func (s *storeCommand[R]) placeholder() string {
	return strings.ToUpper(strings.ReplaceAll(s.one, " ", "-"))
}

func (s *storeCommand[R]) shortID(r R) string {
	if s.idIsName {
		return string(s.id(r))
	}
	return profile.ShortID(s.id(r))
}

// hide returns an item without its secret.
func (s *storeCommand[R]) hide(r R) R {
	if s.secret == nil {
		return r
	}
	return s.secret.hide(r)
}

// json returns what encoding/json writes for an item.
func (s *storeCommand[R]) json(r R) any {
	if s.secret == nil || s.secret.json == nil {
		return r
	}
	return s.secret.json(r)
}

// matches reports whether a word in lower case stands in an item's title or in a
// column of the list, or is its ID. Secrets are not searched.
func (s *storeCommand[R]) matches(r R, word string) bool {
	r = s.hide(r)
	return strings.Contains(strings.ToLower(s.title(r)), word) || strings.EqualFold(string(s.id(r)), word) ||
		slices.ContainsFunc(s.columns, func(col column[R]) bool { return strings.Contains(strings.ToLower(col.text(r)), word) })
}

// found returns the items that contain word, sorted by title.
func (s *storeCommand[R]) found(ctx context.Context, store itemStore[R], word string) ([]R, error) {
	source, matches := store.List(ctx), s.matches
	if s.search != nil {
		source, matches = s.search(ctx, store, word), func(R, string) bool { return true }
	}
	word = strings.ToLower(word)
	return s.sorted(source, func(r R) bool { return matches(r, word) })
}

// sorted returns the items of a source that keep wants, sorted by title.
func (s *storeCommand[R]) sorted(source iter.Seq2[R, error], keep func(R) bool) (found []R, err error) {
	for r, err := range source {
		if err != nil {
			return nil, err
		}
		if keep(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(x, y R) int {
		return cmp.Or(cmp.Compare(strings.ToLower(s.title(x)), strings.ToLower(s.title(y))), cmp.Compare(s.id(x), s.id(y)))
	})
	return found, nil
}

// find returns the one item that word names.
func (s *storeCommand[R]) find(ctx context.Context, p *profile.Profile, word string) (itemStore[R], R, error) {
	var none R
	store, err := s.open(ctx, p)
	if err != nil {
		return nil, none, err
	}
	r, err := store.Get(ctx, engine.ID(word))
	if errors.Is(err, engine.ErrNotFound) {
		r, err = profile.Pick(word, s.one, store.List(ctx), s.id, s.title, s.named)
	}
	return store, r, err
}

// findAll finds all items before any is changed, so that a mistyped word changes
// nothing. An item that two words name is found once.
func (s *storeCommand[R]) findAll(ctx context.Context, p *profile.Profile, words []string) (store itemStore[R], found []R, err error) {
	for _, word := range words {
		var r R
		if store, r, err = s.find(ctx, p, word); err != nil {
			return nil, nil, err
		}
		if !slices.ContainsFunc(found, func(other R) bool { return s.id(other) == s.id(r) }) {
			found = append(found, r)
		}
	}
	return store, found, nil
}

// forEach changes items, and reports those that were changed.
func (s *storeCommand[R]) forEach(a *app, found []R, done string, change func(*R) error) error {
	changed := []any{}
	for i := range found {
		if err := change(&found[i]); err != nil {
			return err
		}
		if a.JSON {
			changed = append(changed, s.json(s.hide(found[i])))
		} else if err := s.report(a, done, found[i]); err != nil {
			return err
		}
	}
	if a.JSON {
		return a.PrintJSON(changed)
	}
	return nil
}

// report prints an item that was added, changed or deleted.
func (s *storeCommand[R]) report(a *app, done string, r R) error {
	r = s.hide(r)
	if a.JSON {
		return a.PrintJSON(s.json(r))
	}
	if s.idIsName {
		return a.Print("%s %s", done, s.title(r))
	}
	return a.Print("%s", strings.TrimRight(done+" "+s.shortID(r)+"  "+s.title(r), " "))
}

// complete completes the beginnings of IDs, and shows the titles.
func (s *storeCommand[R]) complete(a *app, many bool) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 && !many {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
			store, err := s.open(ctx, p)
			if err != nil {
				return nil, err
			}
			for r, err := range store.List(ctx) {
				if err != nil {
					return nil, err
				}
				words = append(words, cobra.CompletionWithDesc(s.shortID(r), term.Printable(s.title(r))))
			}
			return words, nil
		})
	}
}

// explain says which item is there already if an item is refused for that.
func (s *storeCommand[R]) explain(err error) error {
	var dupe *engine.DuplicateError
	if errors.As(err, &dupe) {
		id := string(dupe.ID)
		if !s.idIsName {
			id = profile.ShortID(dupe.ID)
		}
		return fmt.Errorf("this %s is here already: %s", s.one, id)
	}
	return err
}

package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
)

// kind is a store that a story may have.
type kind struct {
	file string
	// fields is how many fields of an item the story edits.
	fields int
	// fresh says that each Add makes a new item; otherwise items have one of a few names, so
	// that two devices may add the same.
	fresh bool
	// all says that all values that were not replaced stay, side by side if necessary: forks,
	// or visits of a page.
	all bool
	// visits says that one record has all visits of a page.
	visits bool
	// whole says that a record never mixes what two devices wrote.
	whole bool
	// nulls says that a deletion is a value like others: the newer one wins.
	nulls bool
	// renames says that an edit gives the record another ID, and deletes the old one.
	renames bool
	// absent says that nothing is left of a deleted item, neither a tombstone nor a value.
	absent bool
	open   func(context.Context, place) (store, error)
}

// place is where a store is and what it runs on.
type place struct {
	path   string
	now    func() time.Time
	rand   io.Reader
	places *places
}

// errNothing says that a step cannot be done, and was not.
var errNothing = errors.New("nothing to do")

// kinds are all that a story may have.
var kinds = map[string]kind{
	"passwords":         {file: "passwords.sqlite", fields: 2, open: openPasswords},
	"forms":             {file: "forms.sqlite", fields: 1, fresh: true, all: true, renames: true, open: openForms},
	"addons":            {file: "addons.sqlite", fields: 1, open: openAddons},
	"addresses":         {file: "addresses.sqlite", fields: 2, fresh: true, all: true, open: openAddresses},
	"creditcards":       {file: "creditcards.sqlite", fields: 2, fresh: true, all: true, open: openCards},
	"prefs":             {file: "prefs.sqlite", fields: 1, nulls: true, open: openPrefs},
	"extension-storage": {file: "extstorage.sqlite", fields: 1, nulls: true, absent: true, open: openExtStorage},
	"bookmarks":         {file: "places.sqlite", fields: 2, fresh: true, open: openBookmarks},
	"history":           {file: "places.sqlite", fields: 1, all: true, visits: true, open: openHistory},
	"tabs":              {file: "tabs.sqlite", fields: 1, open: openTabs},
	"sim-field":         {file: "sim-field.sqlite", fields: 4, open: openNotes("sim-field", collection.Options[note]{Same: sameItem})},
	"sim-record":        {file: "sim-record.sqlite", fields: 2, fresh: true, whole: true, open: openNotes("sim-record", collection.Options[note]{OnConflict: collection.NewerRecord})},
	"sim-both":          {file: "sim-both.sqlite", fields: 2, fresh: true, all: true, open: openNotes("sim-both", collection.Options[note]{OnConflict: collection.KeepBoth})},
	"sim-merge":         {file: "sim-merge.sqlite", fields: 4, fresh: true, open: openNotes("sim-merge", collection.Options[note]{Merge: latest})},
}

// kindNames are their names, in a fixed order.
var kindNames = slices.Sorted(maps.Keys(kinds))

// store is an engine as the story uses it.
type store interface {
	engine() engine.Engine
	close() error
	// show lists what the user has.
	show(context.Context) ([]shown, error)
	// add adds an item whose fields all hold n.
	add(ctx context.Context, item, n int, s Step) error
	// edit sets one of an item's fields to n.
	edit(ctx context.Context, it shown, field, n int) error
	remove(ctx context.Context, it shown) error
}

// shown is an item as the user sees it.
type shown struct {
	item int
	id   string
	// fields holds which step wrote each.
	fields []int
	// tags are the steps that gave a bookmark its tags, keyword the one that gave its
	// keyword; 0: it has none, or shared, one of a few that bookmarks take from each other.
	tags    []int
	keyword int
	shared  string
	// under is the folder that it is in, path all of them and itself.
	under, path string
	// text is all that must be the same on every device.
	text string
}

// steps are those that wrote any of the item.
func (it shown) steps() []int {
	list := append(slices.Clone(it.fields), it.tags...)
	if it.keyword != 0 {
		list = append(list, it.keyword)
	}
	return list
}

// value returns what step n writes.
func value(n int) string { return "v" + strconv.Itoa(n) }

// written returns the step that wrote a value, 0 for none.
func written(value string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(value, "v"))
	if err != nil || !strings.HasPrefix(value, "v") {
		return 0
	}
	return n
}

func number(text, prefix, suffix string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(text, prefix), suffix))
	if err != nil {
		return -1
	}
	return n
}

// flat is a store over an engine of flat records R.
type flat[R any] struct {
	e      engine.Engine
	closer func() error
	list   func(context.Context) func(func(R, error) bool)
	read   func(R) shown
	make   func(item, n int) R
	set    func(r *R, field, n int)
	create func(context.Context, R) (R, error)
	update func(context.Context, R) (R, error)
	delete func(context.Context, engine.ID) error
	get    func(context.Context, engine.ID) (R, error)
}

func (f *flat[R]) engine() engine.Engine { return f.e }
func (f *flat[R]) close() error          { return f.closer() }

func (f *flat[R]) show(ctx context.Context) (all []shown, err error) {
	for r, err := range f.list(ctx) {
		if err != nil {
			return nil, err
		}
		s := f.read(r)
		if s.text == "" {
			s.text = fmt.Sprintf("%+v", r)
		}
		all = append(all, s)
	}
	return all, nil
}

func (f *flat[R]) add(ctx context.Context, item, n int, _ Step) error {
	_, err := f.create(ctx, f.make(item, n))
	return err
}

func (f *flat[R]) edit(ctx context.Context, it shown, field, n int) error {
	r, err := f.get(ctx, engine.ID(it.id))
	if err != nil {
		return err
	}
	f.set(&r, field, n)
	_, err = f.update(ctx, r)
	return err
}

func (f *flat[R]) remove(ctx context.Context, it shown) error {
	return f.delete(ctx, engine.ID(it.id))
}

// dump returns what must be the same on every device, in a fixed order.
func dump(all []shown) string {
	lines := make([]string, len(all))
	for i, it := range all {
		lines[i] = it.text
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

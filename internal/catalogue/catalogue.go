// Package catalogue is the table of the collections that Firefox and this module sync. A
// new engine of the module gets one line here.
package catalogue

import "slices"

// Collection describes a collection.
type Collection struct {
	// Name is its name on the server.
	Name string
	// Version is the storage version of its records, as meta/global lists it.
	Version int
	// Pair is the collection that shares one switch in Firefox with this one, or "".
	Pair string
	// Default says that an account syncs the collection until the user chooses otherwise. A
	// new meta/global lists it, also if this app has no engine for it, because Firefox treats
	// an unlisted engine as switched off by the user.
	Default bool
	// PerDevice says that each device writes its own record, and deletes it when it leaves
	// the account.
	PerDevice bool
	// Engine says that an engine syncs the collection. The other collections belong to the
	// protocol.
	Engine bool
}

// all lists the collections in the order in which Firefox syncs them, the most important to a
// user first.
var all = []Collection{
	{Name: "meta"},
	{Name: "crypto"},
	{Name: "keys"},
	{Name: "clients", Version: 1, Default: true, PerDevice: true},
	{Name: "prefs", Version: 2, Default: true, Engine: true},
	{Name: "passwords", Version: 1, Default: true, Engine: true},
	{Name: "tabs", Version: 1, Default: true, PerDevice: true, Engine: true},
	{Name: "bookmarks", Version: 2, Default: true, Engine: true},
	{Name: "addons", Version: 1, Pair: "extension-storage", Default: true, Engine: true},
	{Name: "addresses", Version: 1, Default: true, Engine: true},
	{Name: "creditcards", Version: 1, Default: true, Engine: true},
	{Name: "forms", Version: 1, Pair: "history", Default: true, Engine: true},
	{Name: "history", Version: 1, Pair: "forms", Default: true, Engine: true},
	{Name: "extension-storage", Version: 1, Pair: "addons", Default: true, Engine: true},
}

// All lists the collections, in the order in which they sync.
func All() []Collection { return slices.Clone(all) }

// Lookup returns the collection with a name.
func Lookup(name string) (c Collection, ok bool) {
	i := index(name)
	if i < 0 {
		return Collection{}, false
	}
	return all[i], true
}

// Rank returns the position of a collection in the order of a sync. Collections that are not
// in the catalogue come last.
func Rank(name string) int {
	if i := index(name); i >= 0 {
		return i
	}
	return len(all)
}

func index(name string) int {
	return slices.IndexFunc(all, func(c Collection) bool { return c.Name == name })
}

// Engines returns the names of the collections that an engine syncs, in order.
func Engines() []string { return names(func(c Collection) bool { return c.Engine }) }

// WellKnown returns the names of the collections that a new account syncs, in order.
func WellKnown() []string { return names(func(c Collection) bool { return c.Default }) }

func names(want func(Collection) bool) (names []string) {
	for _, c := range all {
		if want(c) {
			names = append(names, c.Name)
		}
	}
	return names
}

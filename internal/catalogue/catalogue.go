// Package catalogue is the table of the collections that Firefox and this module sync. A
// new engine of the module gets one line here.
package catalogue

import "slices"

// Collection is what is fixed about a collection.
type Collection struct {
	// Name is its name on the server.
	Name string
	// Version is the storage version of its records, as meta/global lists it.
	Version int
	// Pair is the collection whose switch in Firefox turns this one on and off too, or "".
	Pair string
	// Default says that the account syncs it until the user chooses otherwise: a fresh
	// meta/global lists it, also when this app has no engine for it. Firefox takes an
	// engine that is missing there for one that the user switched off.
	Default bool
	// PerDevice says that each device writes one record of its own, and deletes it when it
	// leaves the account.
	PerDevice bool
	// Engine says that an engine keeps it. The others belong to the protocol.
	Engine bool
}

// all are in the order in which Firefox syncs: what a user misses first comes first.
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

// Lookup finds a collection by its name.
func Lookup(name string) (c Collection, ok bool) {
	i := index(name)
	if i < 0 {
		return Collection{}, false
	}
	return all[i], true
}

// Rank is the place of a collection in the order of a sync; a collection that is not in
// the catalogue comes behind all that are.
func Rank(name string) int {
	if i := index(name); i >= 0 {
		return i
	}
	return len(all)
}

func index(name string) int {
	return slices.IndexFunc(all, func(c Collection) bool { return c.Name == name })
}

// Engines are the names of the collections that an engine keeps, in order.
func Engines() []string { return names(func(c Collection) bool { return c.Engine }) }

// WellKnown are the names of the collections that a fresh account has, in order.
func WellKnown() []string { return names(func(c Collection) bool { return c.Default }) }

func names(want func(Collection) bool) (names []string) {
	for _, c := range all {
		if want(c) {
			names = append(names, c.Name)
		}
	}
	return names
}

package profile

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// placesFile is shared by bookmarks and history.
const placesFile = "places.sqlite"

// stores are those that a profile has, by their names on the wire.
var stores = []struct {
	name    string
	version int
	file    string
	// sealed says that the file opens with the local key alone.
	sealed bool
	open   func(*Profile, context.Context) (engine.Engine, error)
}{
	{"passwords", 1, "passwords.sqlite", true, opener((*Profile).Passwords)},
	{"tabs", 1, "tabs.sqlite", false, opener((*Profile).Tabs)},
	{"bookmarks", 2, placesFile, false, opener((*Profile).Bookmarks)},
	{"addresses", 1, "addresses.sqlite", true, opener((*Profile).Addresses)},
	{"creditcards", 1, "creditcards.sqlite", true, opener((*Profile).Cards)},
	{"history", 1, placesFile, false, opener((*Profile).History)},
	{"forms", 1, "forms.sqlite", true, opener((*Profile).Forms)},
	{"prefs", 2, "prefs.sqlite", true, opener((*Profile).Prefs)},
	{"addons", 1, "addons.sqlite", true, opener((*Profile).Addons)},
	{"extension-storage", 1, "extension-storage.sqlite", true, opener((*Profile).ExtensionStorage)},
}

func opener[E engine.Engine](open func(*Profile, context.Context) (E, error)) func(*Profile, context.Context) (engine.Engine, error) {
	return func(p *Profile, ctx context.Context) (engine.Engine, error) { return open(p, ctx) }
}

// Engines are the names of the stores that a profile has, as on the wire.
func Engines() []string {
	var names []string
	for _, s := range stores {
		names = append(names, s.name)
	}
	return names
}

// storeFiles are the files of all stores, and the inbox.
func storeFiles() []string {
	files := []string{inboxFile}
	for _, s := range stores {
		files = append(files, s.file)
	}
	return files
}

// once opens a store the first time it is asked for.
func once[E io.Closer](p *Profile, name string, open func() (E, error)) (E, error) {
	if e, ok := p.stores[name]; ok {
		return e.(E), nil
	}
	e, err := open()
	if err == nil {
		p.stores[name] = e
	}
	return e, err
}

// Passwords opens the passwords.
func (p *Profile) Passwords(ctx context.Context) (*passwords.Engine, error) {
	return once(p, "passwords", func() (*passwords.Engine, error) {
		return passwords.Open(ctx, passwords.Config{
			Path: p.path("passwords.sqlite"), Key: p.key, Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		})
	})
}

// FindLogin returns the one login that word names: by its ID, the beginning of
// its ID, or its origin.
func (p *Profile) FindLogin(ctx context.Context, word string) (passwords.Login, error) {
	store, err := p.Passwords(ctx)
	if err != nil {
		return passwords.Login{}, err
	}
	if l, err := store.Get(ctx, engine.ID(word)); !errors.Is(err, engine.ErrNotFound) {
		return l, err
	}
	origin, _ := passwords.Origin(word)
	return pick(word, "login", store.List(ctx), func(l passwords.Login) match {
		site, err := passwords.Origin(l.Hostname)
		if err != nil {
			site = l.Hostname
		}
		if r := matchID(word, string(l.ID)); r == byID || site != origin {
			return r
		}
		return byName
	}, func(l passwords.Login) string {
		return ShortID(l.ID) + " (" + strings.TrimSpace(l.Username+" at "+l.Hostname) + ")"
	})
}

// ShortID is the beginning of an ID that tells it from the others of a person's
// data: eight characters of a GUID, without its brace.
func ShortID(id engine.ID) string {
	s := strings.Trim(string(id), "{}")
	return s[:min(len(s), 8)]
}

// Tabs opens the tabs.
func (p *Profile) Tabs(ctx context.Context) (*tabs.Engine, error) {
	return once(p, "tabs", func() (*tabs.Engine, error) {
		return tabs.Open(ctx, tabs.Config{Path: p.path("tabs.sqlite"), Now: p.config.Now, Log: p.config.Log})
	})
}

// sealed says where a store is that the local key encrypts, and what it runs on.
func (p *Profile) sealed(file string) engine.StoreConfig {
	return engine.StoreConfig{Path: p.path(file), Key: p.key, Now: p.config.Now, Rand: p.config.Rand}
}

// Addresses opens the addresses.
func (p *Profile) Addresses(ctx context.Context) (*addresses.Engine, error) {
	return once(p, "addresses", func() (*addresses.Engine, error) { return addresses.Open(ctx, p.sealed("addresses.sqlite")) })
}

// Cards opens the payment cards.
func (p *Profile) Cards(ctx context.Context) (*creditcards.Engine, error) {
	return once(p, "creditcards", func() (*creditcards.Engine, error) { return creditcards.Open(ctx, p.sealed("creditcards.sqlite")) })
}

// Forms opens the form history.
func (p *Profile) Forms(ctx context.Context) (*forms.Engine, error) {
	return once(p, "forms", func() (*forms.Engine, error) { return forms.Open(ctx, p.sealed("forms.sqlite")) })
}

// Prefs opens the preferences.
func (p *Profile) Prefs(ctx context.Context) (*prefs.Engine, error) {
	return once(p, "prefs", func() (*prefs.Engine, error) { return prefs.Open(ctx, p.sealed("prefs.sqlite")) })
}

// Addons opens the list of add-ons.
func (p *Profile) Addons(ctx context.Context) (*addons.Engine, error) {
	return once(p, "addons", func() (*addons.Engine, error) { return addons.Open(ctx, p.sealed("addons.sqlite")) })
}

// ExtensionStorage opens what add-ons keep.
func (p *Profile) ExtensionStorage(ctx context.Context) (*extstorage.Engine, error) {
	return once(p, "extension-storage", func() (*extstorage.Engine, error) {
		return extstorage.Open(ctx, p.sealed("extension-storage.sqlite"))
	})
}

// engines opens all stores. One that cannot be opened is there too, and fails
// with the reason.
func (p *Profile) engines(ctx context.Context) []engine.Engine {
	var all []engine.Engine
	for _, s := range stores {
		e, err := s.open(p, ctx)
		if err != nil {
			e = broken{s.name, s.version, err}
		}
		all = append(all, e)
	}
	return all
}

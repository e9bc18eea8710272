package profile

import (
	"cmp"
	"context"
	"io"
	"strings"
	"sync"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/engines/tabs"
	"github.com/syncmanager/syncmanager/internal/catalogue"
)

// placesFile is shared by bookmarks and history.
const placesFile = "places.sqlite"

// fileEnding is the ending of the names of the stores' files.
const fileEnding = ".sqlite"

// A store is a row of the registry.
type store struct {
	// name is the name of its collection.
	name string
	// file is the name of its file; by default name and fileEnding.
	file string
	// sealed is set if only the local key can decrypt the file.
	sealed bool
	open   func(*Profile, context.Context) (engine.Engine, error)
}

// stores is the registry of the stores of a profile, with a row for each engine.
var stores = []store{
	{name: "passwords", sealed: true, open: opener((*Profile).Passwords)},
	{name: "tabs", open: opener((*Profile).Tabs)},
	{name: "bookmarks", file: placesFile, open: opener((*Profile).Bookmarks)},
	{name: "addresses", sealed: true, open: flat("addresses", addresses.Open)},
	{name: "creditcards", sealed: true, open: flat("creditcards", creditcards.Open)},
	{name: "history", file: placesFile, open: opener((*Profile).History)},
	{name: "forms", sealed: true, open: flat("forms", forms.Open)},
	{name: "prefs", sealed: true, open: flat("prefs", prefs.Open)},
	{name: "addons", sealed: true, open: flat("addons", addons.Open)},
	{name: "extension-storage", sealed: true, open: flat("extension-storage", extstorage.Open)},
}

// path returns the name of the store's file in the profile's folder.
func (s store) path() string { return cmp.Or(s.file, s.name+fileEnding) }

func opener[E engine.Engine](open func(*Profile, context.Context) (E, error)) func(*Profile, context.Context) (engine.Engine, error) {
	return func(p *Profile, ctx context.Context) (engine.Engine, error) { return open(p, ctx) }
}

// flat opens an engine with a file of its own that the local key encrypts.
func flat[E closingEngine](name string, open func(context.Context, engine.StoreConfig) (E, error)) func(*Profile, context.Context) (engine.Engine, error) {
	return func(p *Profile, ctx context.Context) (engine.Engine, error) { return openFlat(ctx, p, name, open) }
}

type closingEngine interface {
	engine.Engine
	io.Closer
}

func openFlat[E closingEngine](ctx context.Context, p *Profile, name string, open func(context.Context, engine.StoreConfig) (E, error)) (E, error) {
	return once(p, name, func() (E, error) {
		key, err := p.localKey()
		if err != nil {
			var none E
			return none, err
		}
		return open(ctx, engine.StoreConfig{Path: p.path(name + fileEnding), Key: key, Now: p.config.Now, Rand: p.config.Rand})
	})
}

// Engines returns the names of the stores of a profile, as on the wire.
func Engines() []string {
	var names []string
	for _, s := range stores {
		names = append(names, s.name)
	}
	return names
}

// storeFiles returns the files of all stores, the inbox and the timeline.
func storeFiles() []string {
	files := []string{inboxFile, timelineFile}
	for _, s := range stores {
		files = append(files, s.path())
	}
	return files
}

// A slot has a store once it is open.
type slot struct {
	mu   sync.Mutex
	open io.Closer
}

// newSlots returns a slot for each store, and for the file that two of them share.
func newSlots() map[string]*slot {
	all := map[string]*slot{placesFile: {}}
	for _, s := range stores {
		all[s.name] = new(slot)
	}
	return all
}

// once opens a store at the first call. open must not open another one. Different stores may
// be opened at once.
func once[E io.Closer](p *Profile, name string, open func() (E, error)) (E, error) {
	p.opening.RLock()
	defer p.opening.RUnlock()
	s := p.stores[name]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		return s.open.(E), nil
	}
	e, err := open()
	if err == nil {
		s.open = e
	}
	return e, err
}

// Passwords opens the passwords.
func (p *Profile) Passwords(ctx context.Context) (*passwords.Engine, error) {
	return once(p, "passwords", func() (*passwords.Engine, error) {
		key, err := p.localKey()
		if err != nil {
			return nil, err
		}
		return passwords.Open(ctx, passwords.Config{
			Path: p.path("passwords.sqlite"), Key: key, Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		})
	})
}

// ShortID returns the beginning of an ID that identifies it among those of one person:
// the first eight characters, without the brace of a GUID.
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

// Addresses opens the addresses.
func (p *Profile) Addresses(ctx context.Context) (*addresses.Engine, error) {
	return openFlat(ctx, p, "addresses", addresses.Open)
}

// Cards opens the payment cards.
func (p *Profile) Cards(ctx context.Context) (*creditcards.Engine, error) {
	return openFlat(ctx, p, "creditcards", creditcards.Open)
}

// Forms opens the form history.
func (p *Profile) Forms(ctx context.Context) (*forms.Engine, error) {
	return openFlat(ctx, p, "forms", forms.Open)
}

// Prefs opens the preferences.
func (p *Profile) Prefs(ctx context.Context) (*prefs.Engine, error) {
	return openFlat(ctx, p, "prefs", prefs.Open)
}

// Addons opens the list of add-ons.
func (p *Profile) Addons(ctx context.Context) (*addons.Engine, error) {
	return openFlat(ctx, p, "addons", addons.Open)
}

// ExtensionStorage opens the data of add-ons.
func (p *Profile) ExtensionStorage(ctx context.Context) (*extstorage.Engine, error) {
	return openFlat(ctx, p, "extension-storage", extstorage.Open)
}

// engines opens all stores, the files at once. A store that cannot be opened is replaced with
// one that fails with the reason.
func (p *Profile) engines(ctx context.Context) []engine.Engine {
	sharing := make(map[string][]int) // rows of the registry by their file
	for i, s := range stores {
		sharing[s.path()] = append(sharing[s.path()], i)
	}
	all := make([]engine.Engine, len(stores))
	var files sync.WaitGroup
	for _, rows := range sharing {
		files.Go(func() {
			for _, i := range rows {
				all[i] = p.engine(ctx, stores[i])
			}
		})
	}
	files.Wait()
	return all
}

func (p *Profile) engine(ctx context.Context, s store) engine.Engine {
	e, err := s.open(p, ctx)
	if err != nil {
		known, _ := catalogue.Lookup(s.name)
		return broken{s.name, known.Version, err}
	}
	return e
}

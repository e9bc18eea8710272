package profile

import (
	"context"
	"errors"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

const (
	passwordsFile = "passwords.sqlite"
	tabsFile      = "tabs.sqlite"
	// placesFile is shared by bookmarks and history.
	placesFile = "places.sqlite"
)

// storeFiles are the files of all stores, and the inbox.
var storeFiles = []string{passwordsFile, tabsFile, placesFile, inboxFile}

// Engines are the names of the stores that a profile has, as on the wire.
func Engines() []string { return []string{"passwords", "tabs", "bookmarks", "history"} }

// Passwords opens the passwords.
func (p *Profile) Passwords(ctx context.Context) (*passwords.Engine, error) {
	if p.passwords == nil {
		e, err := passwords.Open(ctx, passwords.Config{
			Path: p.path(passwordsFile), Key: p.key,
			Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		})
		if err != nil {
			return nil, err
		}
		p.passwords = e
	}
	return p.passwords, nil
}

// FindLogin returns the one login that word names: by its ID, the beginning of
// its ID, or its origin.
func (p *Profile) FindLogin(ctx context.Context, word string) (passwords.Login, error) {
	store, err := p.Passwords(ctx)
	if err != nil {
		return passwords.Login{}, err
	}
	if l, err := store.Get(ctx, engine.ID(word)); !errors.Is(err, passwords.ErrNotFound) {
		return l, err
	}
	origin, _ := passwords.Origin(word)
	return pick(word, "login", store.List(ctx), func(l passwords.Login) match {
		if r := matchID(word, string(l.ID)); r == byID || l.Hostname != origin {
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
	if p.tabs == nil {
		e, err := tabs.Open(ctx, tabs.Config{Path: p.path(tabsFile), Now: p.config.Now, Log: p.config.Log})
		if err != nil {
			return nil, err
		}
		p.tabs = e
	}
	return p.tabs, nil
}

// engines opens all stores. One that cannot be opened is there too, and fails
// with the reason.
func (p *Profile) engines(ctx context.Context) []engine.Engine {
	var all []engine.Engine
	if e, err := p.Passwords(ctx); err != nil {
		all = append(all, broken{"passwords", 1, err})
	} else {
		all = append(all, e)
	}
	if e, err := p.Tabs(ctx); err != nil {
		all = append(all, broken{"tabs", 1, err})
	} else {
		all = append(all, e)
	}
	if e, err := p.Bookmarks(ctx); err != nil {
		all = append(all, broken{"bookmarks", 2, err})
	} else {
		all = append(all, e)
	}
	if e, err := p.History(ctx); err != nil {
		all = append(all, broken{"history", 1, err})
	} else {
		all = append(all, e)
	}
	return all
}

package api

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/prefs"
)

// Pref is a preference.
type Pref struct {
	Name string `json:"name"`
	ETag string `json:"etag"`
	// Value is true, false, a whole number of 32 bits, a string, or null: reset.
	Value json.RawMessage `json:"value"`
}

// Application names an application.
type Application struct {
	// Application is its ID; absent: Firefox.
	Application string `json:"application,omitempty" bound:"1..200"`
}

func (a Application) of(e *prefs.Engine) *prefs.Application {
	if a.Application == "" {
		return e.Of(prefs.Firefox)
	}
	return e.Of(a.Application)
}

// PrefName names a preference.
type PrefName struct {
	Application
	Name string `json:"name" bound:"1..1000"`
}

// SetPref is a new value of a preference.
type SetPref struct {
	PrefName
	// ETag is that of the preference as it was read; absent: it must be a new one.
	ETag string `json:"etag,omitempty" bound:"1..64"`
	// Value is true, false, a whole number of 32 bits, a string, or null to reset it.
	Value json.RawMessage `json:"value" bound:"1..65536"`
}

func (c *call) pref(p prefs.Pref) (Pref, error) {
	etag, err := c.etag("prefs", p)
	return Pref{p.Name, etag, p.Value}, err
}

// matchesOrNew returns an error unless etag is that of an item, or there is neither.
func (c *call) matchesOrNew(etag, collection string, exists bool, item any) error {
	switch {
	case !exists && etag == "":
		return nil
	case !exists:
		return errConflict
	case etag == "":
		return &Error{Code: CodeDuplicate, Message: "there is a value already; read it, and give its etag"}
	}
	return c.matches(etag, collection, item)
}

func prefVerbs() []*Verb {
	reading, writing := Needs{Engines: []string{"prefs"}}, Needs{Engines: []string{"prefs"}, Write: true}
	return append([]*Verb{
		stream("prefs.list", "Lists the preferences of an application, sorted by name.", reading,
			func(ctx context.Context, c *call, q Application) (iter.Seq2[Pref, error], error) {
				e, err := c.home.Prefs(ctx)
				if err != nil {
					return nil, err
				}
				return mapped(q.of(e).List(ctx), c.pref), nil
			}),
		value("prefs.get", "Returns a preference.", reading, func(ctx context.Context, c *call, q PrefName) (Pref, error) {
			e, err := c.home.Prefs(ctx)
			if err != nil {
				return Pref{}, err
			}
			p, err := q.of(e).Get(ctx, idOf(q.Name))
			if err != nil {
				return Pref{}, err
			}
			return c.pref(p)
		}),
		value("prefs.set", "Sets or resets a preference, and returns it.", writing, func(ctx context.Context, c *call, q SetPref) (Pref, error) {
			e, err := c.home.Prefs(ctx)
			if err != nil {
				return Pref{}, err
			}
			err = q.of(e).Change(ctx, q.Name, func(was json.RawMessage) (json.RawMessage, error) {
				return q.Value, c.matchesOrNew(q.ETag, "prefs", was != nil, prefs.Pref{Name: q.Name, Value: was})
			})
			if err != nil {
				return Pref{}, err
			}
			return c.pref(prefs.Pref{Name: q.Name, Value: q.Value})
		}),
	}, undoVerbs("prefs", func(ctx context.Context, h Home) (undoer, error) { return h.Prefs(ctx) })...)
}

// ExtensionValue is a key of an add-on's storage.
type ExtensionValue struct {
	// Extension is the add-on's ID.
	Extension string          `json:"extension"`
	Key       string          `json:"key"`
	ETag      string          `json:"etag"`
	Value     json.RawMessage `json:"value"`
}

// ExtensionKey names a key of an add-on's storage.
type ExtensionKey struct {
	// Extension is the add-on's ID.
	Extension string `json:"extension" bound:"1..1000"`
	Key       string `json:"key" bound:"0..8192"`
}

// SetExtensionValue is a new value of a key.
type SetExtensionValue struct {
	ExtensionKey
	// ETag is that of the value as it was read; absent: the key must be a new one.
	ETag  string          `json:"etag,omitempty" bound:"1..64"`
	Value json.RawMessage `json:"value" bound:"1..8192"`
}

// DeleteExtensionValue names a value as it was read.
type DeleteExtensionValue struct {
	ExtensionKey
	// ETag is that of the value as it was read.
	ETag string `json:"etag" bound:"1..64"`
}

const extensionStorage = "extension-storage"

func (c *call) extensionValue(i extstorage.Item) (ExtensionValue, error) {
	etag, err := c.etag(extensionStorage, i)
	return ExtensionValue{i.ExtID, i.Key, etag, i.Value}, err
}

func extensionStorageVerbs() []*Verb {
	reading, writing := Needs{Engines: []string{extensionStorage}}, Needs{Engines: []string{extensionStorage}, Write: true}
	return append([]*Verb{
		stream("extension-storage.list", "Lists what add-ons store, sorted by add-on and key.", reading,
			func(ctx context.Context, c *call, _ Empty) (iter.Seq2[ExtensionValue, error], error) {
				e, err := c.home.ExtensionStorage(ctx)
				if err != nil {
					return nil, err
				}
				return mapped(e.Items().List(ctx), c.extensionValue), nil
			}),
		value("extension-storage.get", "Returns the value of an add-on's key.", reading,
			func(ctx context.Context, c *call, q ExtensionKey) (ExtensionValue, error) {
				e, err := c.home.ExtensionStorage(ctx)
				if err != nil {
					return ExtensionValue{}, err
				}
				i, err := e.Items().Get(ctx, extstorage.ItemID(q.Extension, q.Key))
				if err != nil {
					return ExtensionValue{}, err
				}
				return c.extensionValue(i)
			}),
		value("extension-storage.set", "Sets the value of an add-on's key, within the quotas of Firefox, and returns it.", writing, setExtensionValue),
		action("extension-storage.delete", "Removes an add-on's key.", writing,
			func(ctx context.Context, c *call, q DeleteExtensionValue) error {
				e, err := c.home.ExtensionStorage(ctx)
				if err != nil {
					return err
				}
				return e.Of(q.Extension).Change(ctx, q.Key, func(was json.RawMessage) (json.RawMessage, error) {
					if was == nil {
						return nil, &Error{Code: CodeNotFound, Message: "the add-on does not have this key"}
					}
					return nil, c.matches(q.ETag, extensionStorage, extstorage.Item{ExtID: q.Extension, Key: q.Key, Value: was})
				})
			}),
	}, undoVerbs(extensionStorage, func(ctx context.Context, h Home) (undoer, error) { return h.ExtensionStorage(ctx) })...)
}

func setExtensionValue(ctx context.Context, c *call, q SetExtensionValue) (ExtensionValue, error) {
	e, err := c.home.ExtensionStorage(ctx)
	if err != nil {
		return ExtensionValue{}, err
	}
	item := extstorage.Item{ExtID: q.Extension, Key: q.Key, Value: q.Value}
	err = e.Of(q.Extension).Change(ctx, q.Key, func(was json.RawMessage) (json.RawMessage, error) {
		old := item
		old.Value = was
		return q.Value, c.matchesOrNew(q.ETag, extensionStorage, was != nil, old)
	})
	if err != nil {
		return ExtensionValue{}, err
	}
	if item, err = e.Items().Get(ctx, item.ID()); err != nil {
		return ExtensionValue{}, err
	}
	return c.extensionValue(item)
}

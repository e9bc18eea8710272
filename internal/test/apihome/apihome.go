// Package apihome is a device of a test as an api.Home.
package apihome

import (
	"context"
	"sync"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/engines/tabs"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// Home is a device's manager and engines.
type Home struct {
	d *testenv.Device

	mu       sync.Mutex
	received []api.ReceivedPage

	addresses *addresses.Engine
	cards     *creditcards.Engine
	forms     *forms.Engine
	prefs     *prefs.Engine
	addons    *addons.Engine
	storage   *extstorage.Engine
}

var _ api.Home = (*Home)(nil)

// New opens the engines that the device does not have, and registers them. events is told of
// the steps of syncs. The device is one of [testenv.Env.Browser].
func New(d *testenv.Device, events *api.Events) *Home {
	d.OnProgress(events.Progress)
	return &Home{
		d:         d,
		addresses: open(d, addresses.Open), cards: open(d, creditcards.Open), forms: open(d, forms.Open),
		prefs: open(d, prefs.Open), addons: open(d, addons.Open), storage: open(d, extstorage.Open),
	}
}

// open opens an engine that is encrypted with the device's key.
func open[E interface {
	engine.Engine
	Close() error
}](d *testenv.Device, f func(context.Context, engine.StoreConfig) (E, error)) E {
	return testenv.Open(d, func(c engine.StoreConfig) (E, error) {
		c.Key = d.Key()
		return f(context.Background(), c)
	})
}

// Manager implements [api.Home].
func (h *Home) Manager(context.Context) (*syncmanager.Manager, error) { return h.d.Manager, nil }

// Bookmarks implements [api.Home].
func (h *Home) Bookmarks(context.Context) (*bookmarks.Engine, error) { return h.d.Bookmarks, nil }

// History implements [api.Home].
func (h *Home) History(context.Context) (*history.Engine, error) { return h.d.History, nil }

// Places implements [api.Home].
func (h *Home) Places(ctx context.Context) (placesfile.File, error) {
	return h.d.Places(), nil
}

// Passwords implements [api.Home].
func (h *Home) Passwords(context.Context) (*passwords.Engine, error) { return h.d.Passwords, nil }

// Tabs implements [api.Home].
func (h *Home) Tabs(context.Context) (*tabs.Engine, error) { return h.d.Tabs, nil }

// Addresses implements [api.Home].
func (h *Home) Addresses(context.Context) (*addresses.Engine, error) { return h.addresses, nil }

// Cards implements [api.Home].
func (h *Home) Cards(context.Context) (*creditcards.Engine, error) { return h.cards, nil }

// Forms implements [api.Home].
func (h *Home) Forms(context.Context) (*forms.Engine, error) { return h.forms, nil }

// Prefs implements [api.Home].
func (h *Home) Prefs(context.Context) (*prefs.Engine, error) { return h.prefs, nil }

// Addons implements [api.Home].
func (h *Home) Addons(context.Context) (*addons.Engine, error) { return h.addons, nil }

// ExtensionStorage implements [api.Home].
func (h *Home) ExtensionStorage(context.Context) (*extstorage.Engine, error) { return h.storage, nil }

// Sync implements [api.Home].
func (h *Home) Sync(ctx context.Context, o syncmanager.Options) (syncmanager.Result, error) {
	return h.d.Manager.Sync(ctx, o)
}

// RenameDevice implements [api.Home].
func (h *Home) RenameDevice(ctx context.Context, name string) error {
	return h.d.Manager.RenameDevice(ctx, name)
}

// Forget implements [api.Home].
func (h *Home) Forget(ctx context.Context, d engine.Device) error {
	return h.d.Account.Disconnect(ctx, account.Device{ID: d.AccountID})
}

// SendTab implements [api.Home].
func (h *Home) SendTab(ctx context.Context, d engine.Device, page message.Tab) error {
	return h.d.Account.SendTab(ctx, d.AccountID, page)
}

// Receive adds a page, as another device sends it.
func (h *Home) Receive(page api.ReceivedPage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.received = append(h.received, page)
}

// Received implements [api.Home].
func (h *Home) Received(context.Context) ([]api.ReceivedPage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]api.ReceivedPage{}, h.received...), nil
}

// ClearReceived implements [api.Home].
func (h *Home) ClearReceived(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.received = nil
	return nil
}

// SignedIn implements [api.Home].
func (h *Home) SignedIn() bool { return true }

// Version implements [api.Home].
func (h *Home) Version() string { return "test" }

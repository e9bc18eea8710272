package syncmanager

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/catalogue"
	"github.com/syncmanager/syncmanager/internal/localkey"
	"github.com/syncmanager/syncmanager/sync15"
)

// Manager syncs the engines that an app registers. All its methods may be called
// from several goroutines at once; one Sync runs at a time.
type Manager struct {
	cfg    Config
	sealer *localkey.Sealer

	// running has room for the one Sync that runs, or what else speaks to the
	// service. It guards state and client.
	running chan struct{}
	state   *sync15.State
	client  *sync15.Client
	// receiving has room for the one Receive or sendCloses that runs. Whoever needs both takes running first.
	receiving chan struct{}
	// ended is over once Close was called, by end.
	ended context.Context
	end   context.CancelCauseFunc

	// mu guards what follows, and is never held while something waits.
	mu      sync.Mutex
	engines []engine.Engine
	saved   saved
	devices []engine.Device
	results results
	changes changes
	closed  bool
	// dropEvents ends the connection on which Run hears of changes; nil: there is none.
	dropEvents context.CancelCauseFunc
}

// New returns a Manager that continues from the state in c.State. Errors wrap [ErrState] or
// [ErrNewerState], or are from c.State.
func New(ctx context.Context, c Config) (*Manager, error) {
	if c.Account == nil || c.State == nil {
		return nil, fmt.Errorf("a manager needs an account and a place for its state")
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // here the app's real clock comes in
	}
	if c.Rand == nil {
		c.Rand = rand.Reader //nolint:forbidigo // and its real randomness
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Parallel = cmp.Or(c.Parallel, 4)
	m := &Manager{cfg: c, sealer: localkey.Key(c.Key).Sealer(c.Rand), running: make(chan struct{}, 1), receiving: make(chan struct{}, 1), results: newResults()}
	if err := m.load(ctx); err != nil {
		return nil, err
	}
	m.forgetOldRefusal()
	m.client = sync15.New(sync15.Config{
		Account: c.Account, Now: c.Now, Rand: c.Rand, Transport: c.Transport, Log: c.Log, Progress: c.Progress,
		UserAgent: cmp.Or(c.Device.Application, "syncmanager") + "/" + cmp.Or(c.Device.Version, "0"),
	}, m.state)
	m.devices = m.state.Devices()
	m.ended, m.end = context.WithCancelCause(context.WithoutCancel(ctx))
	return m, nil
}

// Register adds an engine. The next Sync includes it; a running one does not.
func (m *Manager) Register(e engine.Engine) error {
	name := e.Collection()
	if !bso.ValidCollection(name) || reserved(name) {
		return fmt.Errorf("%q cannot be an engine's collection", name)
	}
	if err := m.add(e); err != nil {
		return err
	}
	if n, ok := e.(engine.Notifier); ok {
		n.OnChange(func() { m.Changed(name) })
	}
	return nil
}

// reserved reports whether the protocol itself keeps the collection.
func reserved(name string) bool {
	c, known := catalogue.Lookup(name)
	return known && !c.Engine
}

func (m *Manager) add(e engine.Engine) error {
	name := e.Collection()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	for _, have := range m.engines {
		if have.Collection() == name {
			return fmt.Errorf("an engine for %s is registered already", name)
		}
	}
	m.engines = append(m.engines, e)
	slices.SortStableFunc(m.engines, func(a, b engine.Engine) int {
		return cmp.Or(cmp.Compare(catalogue.Rank(a.Collection()), catalogue.Rank(b.Collection())), cmp.Compare(a.Collection(), b.Collection()))
	})
	return nil
}

// Unregister removes an engine. A running Sync continues with it.
func (m *Manager) Unregister(name string) {
	m.mu.Lock()
	i := slices.IndexFunc(m.engines, func(e engine.Engine) bool { return e.Collection() == name })
	if i < 0 {
		m.mu.Unlock()
		return
	}
	gone := m.engines[i]
	m.engines = slices.Delete(m.engines, i, i+1)
	m.mu.Unlock()
	if n, ok := gone.(engine.Notifier); ok {
		n.OnChange(nil)
	}
}

// registered is a copy of the engines in sync order.
func (m *Manager) registered() []engine.Engine {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.engines)
}

// pick returns the engines of these names, or all for no names.
func (m *Manager) pick(names []string) ([]engine.Engine, error) {
	all := m.registered()
	if len(names) == 0 {
		return all, nil
	}
	var picked []engine.Engine
	for _, name := range names {
		i := slices.IndexFunc(all, func(e engine.Engine) bool { return e.Collection() == name })
		if i < 0 {
			return nil, fmt.Errorf("%w: %s", ErrUnknownEngine, name)
		}
		picked = append(picked, all[i])
	}
	return picked, nil
}

// EngineStatus is the state of an engine: enabled or not, counts, the last sync.
type EngineStatus struct {
	Name string `json:"name"`
	// Enabled says whether the account syncs the engine. Pending says that this was chosen on
	// this device and the server does not know it yet.
	Enabled bool `json:"enabled"`
	Pending bool `json:"pending"`
	// Registered is false for a collection that the account declined and this app
	// does not have.
	Registered bool `json:"registered"`
	Version    int  `json:"version,omitempty"`
	// Items counts the user's items, and Changes those that are not on the server yet; nil
	// means that the engine cannot count them.
	Items   *int `json:"items"`
	Changes *int `json:"changes"`
	// Stuck lists the records that currently do not sync; nil means that there are none, or
	// that the engine cannot list them.
	Stuck *Stuck `json:"stuck,omitempty"`
	// LastSync is the time of the last successful sync; zero means never. LastError is the
	// error since then, or "".
	LastSync  time.Time `json:"lastSync,omitzero"`
	LastError string    `json:"lastError,omitempty"`
}

// Engines lists the registered engines in sync order, then the other collections
// that the account declined.
func (m *Manager) Engines(ctx context.Context) (list []EngineStatus, err error) {
	engines := m.registered()
	m.mu.Lock()
	s := m.saved.clone()
	m.mu.Unlock()
	declined := map[string]bool{}
	for _, name := range s.Declined {
		declined[name] = true
	}
	for name, on := range s.Pending {
		declined[name] = !on
	}
	list = make([]EngineStatus, 0, len(engines)+len(declined))
	for _, e := range engines {
		name := e.Collection()
		_, pending := s.Pending[name]
		list = append(list, EngineStatus{
			Name: name, Enabled: !declined[name], Pending: pending, Registered: true, Version: e.Version(),
			LastSync: s.Engines[name].LastSync, LastError: s.Engines[name].LastError,
		})
		delete(declined, name)
	}
	if err := m.count(ctx, engines, list); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(declined)) {
		if declined[name] {
			_, pending := s.Pending[name]
			list = append(list, EngineStatus{Name: name, Pending: pending})
		}
	}
	return list, nil
}

// count fills in what the engines count, several at once, as in a Sync.
func (m *Manager) count(ctx context.Context, engines []engine.Engine, list []EngineStatus) error {
	var group errgroup.Group
	group.SetLimit(m.cfg.Parallel)
	for i, e := range engines {
		group.Go(func() error { return list[i].count(ctx, e) })
	}
	return group.Wait()
}

func (st *EngineStatus) count(ctx context.Context, e engine.Engine) (err error) {
	if c, ok := e.(engine.Counter); ok {
		n, err := c.Count(ctx)
		if err != nil {
			return fmt.Errorf("count %s: %w", st.Name, err)
		}
		st.Items = &n
	}
	if w, ok := e.(engine.Watcher); ok {
		n, err := w.Changes(ctx)
		if err != nil {
			return fmt.Errorf("count the changes in %s: %w", st.Name, err)
		}
		st.Changes = &n
	}
	st.Stuck, err = stuck(ctx, e, maxStuckListed)
	return err
}

// SetEnabled sets whether the account syncs these engines. The choice is saved immediately,
// and the next Sync sends it to the server, for all devices of the account. Disabling an
// engine deletes its collection on the server; the data stays on the devices.
func (m *Manager) SetEnabled(ctx context.Context, enabled bool, names ...string) error {
	m.mu.Lock()
	for _, name := range names {
		known := slices.Contains(catalogue.Engines(), name) || slices.Contains(m.saved.Declined, name) ||
			slices.ContainsFunc(m.engines, func(e engine.Engine) bool { return e.Collection() == name })
		if !known {
			m.mu.Unlock()
			return fmt.Errorf("%w: %s", ErrUnknownEngine, name)
		}
	}
	pending := maps.Clone(m.saved.Pending)
	if pending == nil {
		pending = map[string]bool{}
	}
	for _, name := range names {
		pending[name] = enabled
		if c, _ := catalogue.Lookup(name); c.Pair != "" {
			pending[c.Pair] = enabled
		}
	}
	m.saved.Pending = pending
	m.changes.note("")
	m.mu.Unlock()
	return m.save(ctx)
}

// Reset makes engines forget their sync state and keep the user's data. The next Sync
// downloads everything and reconciles it. Without names, it resets all engines.
func (m *Manager) Reset(ctx context.Context, names ...string) error {
	return m.each(ctx, names, "reset", func(e engine.Engine) error { return e.Reset(ctx, engine.Association{}) })
}

// Wipe makes engines delete the user's data on this device, together with the sync state. The
// account keeps the data, and the next Sync downloads it again. Without names, it wipes all
// engines.
func (m *Manager) Wipe(ctx context.Context, names ...string) error {
	return m.each(ctx, names, "wipe", func(e engine.Engine) error { return e.Wipe(ctx) })
}

// each runs do for the engines while no Sync runs.
func (m *Manager) each(ctx context.Context, names []string, doing string, do func(engine.Engine) error) error {
	engines, err := m.pick(names)
	if err != nil {
		return err
	}
	if err := m.tryLock(ctx); err != nil {
		return err
	}
	defer m.unlock()
	for _, e := range engines {
		if err := do(e); err != nil {
			return fmt.Errorf("%s %s: %w", doing, e.Collection(), err)
		}
	}
	return nil
}

// Devices lists the account's devices including this one, as of the last Sync.
func (m *Manager) Devices() []engine.Device {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.devices)
}

// RenameDevice changes this device's name. Other devices see it after the next Sync.
func (m *Manager) RenameDevice(ctx context.Context, name string) error {
	if name == "" || len(name) > 255 {
		return fmt.Errorf("a device's name has 1 to 255 bytes")
	}
	return m.setDeviceName(ctx, name)
}

// ClearDeviceName gives this device the name of [Config].Device again. Other devices see it
// after the next Sync.
func (m *Manager) ClearDeviceName(ctx context.Context) error { return m.setDeviceName(ctx, "") }

func (m *Manager) setDeviceName(ctx context.Context, name string) error {
	m.mu.Lock()
	m.saved.DeviceName, m.saved.Renamed = name, true
	m.changes.note("")
	m.mu.Unlock()
	return m.save(ctx)
}

// SendCommand queues a command for another device. The next Sync writes it to the device's
// record, and the device reads it at its own next sync. name is the command's name in the
// protocol: "wipeEngine" and "resetEngine" with the name of an engine, "resetAll" or
// "logout".
func (m *Manager) SendCommand(ctx context.Context, device engine.ID, name string, args ...string) error {
	m.mu.Lock()
	if !slices.ContainsFunc(m.devices, func(d engine.Device) bool { return d.ID == device && !d.Local }) {
		m.mu.Unlock()
		return fmt.Errorf("%w: %s", ErrUnknownDevice, device)
	}
	m.saved.Outbox = append(slices.Clone(m.saved.Outbox), sync15.Outbound{
		To: device, Name: name, Args: args, FlowID: string(bso.NewGUID(m.cfg.Rand)),
	})
	m.changes.note("")
	m.mu.Unlock()
	return m.save(ctx)
}

// LastSync returns the time of the last successful Sync; zero if there was none.
func (m *Manager) LastSync() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saved.LastSync
}

// BackoffUntil returns the time until which the service asked clients to wait; zero if it did
// not ask.
func (m *Manager) BackoffUntil() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.saved.Backoff.After(m.cfg.Now()) {
		return m.saved.Backoff
	}
	return time.Time{}
}

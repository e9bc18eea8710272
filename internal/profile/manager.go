package profile

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
)

const (
	stateFile = "state.sealed"
	// DeviceType is the type of this device on the others.
	DeviceType = "desktop"
	// application is the name of this program on the account's devices.
	application = "Sync Manager"
)

// Manager returns the profile's sync manager, with all stores registered. It works
// without an account too, except that Sync says to sign in. A sign-out that it has to wait for is
// the error [NotSignedInError], since that may have deleted the stores.
func (p *Profile) Manager(ctx context.Context) (*syncmanager.Manager, error) {
	if m := p.openManager(); m != nil {
		return m, nil
	}
	_, changed := p.WatchAccount()
	if err := p.take(ctx); err != nil {
		return nil, err
	}
	defer p.giveBack()
	select {
	case <-changed:
		if p.SignedOut() {
			return nil, NotSignedInError{}
		}
	default:
	}
	return p.makeManager(ctx)
}

// AccountManager is Manager for a profile that is signed in. If it signs out meanwhile, it waits for
// that, opens nothing, and returns [NotSignedInError].
func (p *Profile) AccountManager(ctx context.Context) (*syncmanager.Manager, error) {
	if err := p.take(ctx); err != nil {
		return nil, err
	}
	defer p.giveBack()
	if p.Account() == nil {
		return nil, NotSignedInError{}
	}
	return p.makeManager(ctx)
}

// openManager returns the manager if there is one.
func (p *Profile) openManager() *syncmanager.Manager {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.manager
}

// managerNow returns the manager, and makes it unless another goroutine has the turn. A sign-out
// that has it may wait for the caller.
func (p *Profile) managerNow(ctx context.Context) *syncmanager.Manager {
	if m := p.openManager(); m != nil {
		return m
	}
	select {
	case p.turn <- struct{}{}:
		defer p.giveBack()
	default:
		return nil
	}
	m, err := p.makeManager(ctx)
	if err != nil {
		return nil
	}
	return m
}

// makeManager is Manager for a caller that holds the turn.
func (p *Profile) makeManager(ctx context.Context) (*syncmanager.Manager, error) {
	if m := p.openManager(); m != nil {
		return m, nil
	}
	account, transport, err := p.connect()
	if err != nil {
		return nil, err
	}
	key, err := p.localKey()
	if err != nil {
		return nil, err
	}
	m, err := syncmanager.New(ctx, syncmanager.Config{
		Account: account,
		State:   syncmanager.FileState(p.path(stateFile)),
		Key:     key.Subkey("sync manager state"),
		Device:  p.device(),
		Now:     p.config.Now, Rand: p.config.Rand, Transport: transport, Log: p.config.Log, Progress: p.config.Progress,
		Received: p.received, Wait: true,
	})
	if errors.Is(err, syncmanager.ErrState) {
		return nil, fmt.Errorf("%w; move %s away and sync again, which loses no data", err, p.path(stateFile))
	}
	if err != nil {
		return nil, err
	}
	for _, e := range p.engines(ctx) {
		if err := m.Register(e); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	p.manager = m
	p.mu.Unlock()
	return m, nil
}

// device returns the description of this device for the others.
func (p *Profile) device() syncmanager.Device {
	return syncmanager.Device{
		Name: p.DeviceName(), Type: DeviceType, Application: application,
		AppPackage: "org.syncmanager.syncmanager", OS: systems[runtime.GOOS], Version: p.config.Version,
	}
}

// systems are the common names of the operating systems.
var systems = map[string]string{
	"linux": "Linux", "darwin": "Darwin", "windows": "WINNT", "freebsd": "FreeBSD", "openbsd": "OpenBSD", "netbsd": "NetBSD",
}

// DeviceName returns the name of this device.
func (p *Profile) DeviceName() string { return p.currentSettings().DeviceName }

// RenameDevice renames this device, here at once and on the others with the next sync.
func (p *Profile) RenameDevice(ctx context.Context, name string) error {
	m, err := p.Manager(ctx)
	if err != nil {
		return err
	}
	if err := m.RenameDevice(ctx, name); err != nil {
		return err
	}
	return p.change(func(s *settings) { s.DeviceName = name })
}

// FindDevice returns the one of the account's other devices that word names: by
// its name, its ID, or the beginning of its ID.
func (p *Profile) FindDevice(ctx context.Context, word string) (engine.Device, error) {
	m, err := p.Manager(ctx)
	if err != nil {
		return engine.Device{}, err
	}
	return pick(word, "device", func(yield func(engine.Device, error) bool) {
		for _, d := range m.Devices() {
			if !d.Local && !yield(d, nil) {
				return
			}
		}
	}, func(d engine.Device) match {
		if strings.EqualFold(d.Name, word) {
			return byName
		}
		return matchID(word, string(d.ID))
	}, func(d engine.Device) string { return string(d.ID) + " (" + d.Name + ")" })
}

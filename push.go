package syncmanager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/engine"
)

// PushCommand is what a push message of an accounts server is about.
type PushCommand string

// The commands that accounts servers send.
const (
	// PushCommandReceived means that another device sent something to this one.
	PushCommandReceived PushCommand = "fxaccounts:command_received"
	// PushCollectionChanged means that another device changed collections.
	PushCollectionChanged PushCommand = "sync:collection_changed"
	// PushDeviceConnected and PushDeviceDisconnected mean that a device joined the account or
	// left it.
	PushDeviceConnected    PushCommand = "fxaccounts:device_connected"
	PushDeviceDisconnected PushCommand = "fxaccounts:device_disconnected"
	// PushProfileUpdated means that the user's name, picture or address changed.
	PushProfileUpdated PushCommand = "fxaccounts:profile_updated"
	// PushPasswordChanged and PushPasswordReset mean that the account has another password.
	PushPasswordChanged PushCommand = "fxaccounts:password_changed"
	PushPasswordReset   PushCommand = "fxaccounts:password_reset"
	// PushAccountDestroyed means that the account was deleted.
	PushAccountDestroyed PushCommand = "fxaccounts:account_destroyed"
)

// Push is a push message and what followed from it.
type Push struct {
	// Command is what the message is about. It may be one that has no constant here, for which
	// nothing is done.
	Command PushCommand
	// DeviceName is the name of the device that joined, and DeviceID the ID with the accounts
	// server of the one that left.
	DeviceName, DeviceID string
	// Collections are those that changed, also those for which no engine is registered.
	Collections []string
	// Result is that of the sync that followed, or nil.
	Result *Result
}

// clientsCollection is the collection of the account's devices, which has no engine.
const clientsCollection = "clients"

// HandlePush acts on a push message: body is what the push service delivered, encrypted with the
// content coding aes128gcm. First the account needs a subscription: see
// [github.com/syncmanager/syncmanager/account.Account.SetPushSubscription].
//
//   - command_received: it calls [Manager.Receive].
//   - collection_changed: it syncs the engines of these collections.
//   - device_connected, device_disconnected, password_changed, password_reset and
//     account_destroyed: it asks the accounts server, since a message alone is not a proof. If
//     the account refuses this device, the error is an *[AuthError], and nothing is sent until
//     [Manager.SignIn]. Otherwise it updates [Manager.Devices].
//   - profile_updated and anything else: it does nothing. The app may fetch the profile.
//
// A body that cannot be used has no effect, and the error wraps [message.ErrPush]: it was
// changed or cut off, is encrypted for other keys, is longer than push services deliver, or came
// before.
// HandlePush waits for its turn if a Sync runs. If it fails, the app need not repeat it:
// [Manager.Run] finds what the message was about with one of its next syncs.
func (m *Manager) HandlePush(ctx context.Context, body []byte) (Push, error) {
	if m.ended.Err() != nil {
		return Push{}, ErrClosed
	}
	m.mu.Lock()
	messenger, ok := m.cfg.Account.(Messenger)
	m.mu.Unlock()
	if !ok {
		return Push{}, ErrNoMessages
	}
	command, data, err := messenger.OpenPush(body)
	if err != nil {
		return Push{}, err
	}
	push, err := readPush(command, data)
	if err != nil {
		return push, err
	}
	if err := m.refused(); err != nil {
		return push, err
	}
	switch push.Command {
	case PushCommandReceived:
		if err = m.Receive(ctx); errors.Is(err, ErrNoMessages) {
			err = nil
		}
	case PushCollectionChanged:
		err = m.syncPushed(ctx, &push)
	case PushDeviceConnected, PushDeviceDisconnected, PushPasswordChanged, PushPasswordReset, PushAccountDestroyed:
		err = m.checkAccount(ctx)
	}
	if errors.As(err, new(*AuthError)) {
		// Run ends with its next look.
		m.mu.Lock()
		m.changes.note("")
		m.mu.Unlock()
	}
	return push, err
}

// readPush reads the data of a message. What it does not need is ignored.
func readPush(command string, data []byte) (Push, error) {
	push := Push{Command: PushCommand(command)}
	var in struct {
		Name        string   `json:"deviceName"`
		ID          string   `json:"id"`
		Collections []string `json:"collections"`
	}
	var err error
	switch push.Command {
	case PushDeviceConnected, PushDeviceDisconnected, PushCollectionChanged:
		err = json.Unmarshal(data, &in)
	}
	if err != nil {
		return push, fmt.Errorf("%w: the data of %s is malformed", message.ErrPush, command)
	}
	push.DeviceName, push.DeviceID, push.Collections = in.Name, in.ID, in.Collections
	return push, nil
}

// syncPushed syncs the engines of the collections that changed. A change of the devices alone
// may be a command for this one, which a sync without engines finds.
func (m *Manager) syncPushed(ctx context.Context, push *Push) error {
	var names []string
	for _, e := range m.registered() {
		if slices.Contains(push.Collections, e.Collection()) {
			names = append(names, e.Collection())
		}
	}
	if len(names) == 0 && !slices.Contains(push.Collections, clientsCollection) {
		return nil
	}
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.unlock()
	chosen := []engine.Engine{}
	if len(names) > 0 {
		var err error
		if chosen, err = m.pick(names); err != nil {
			return err
		}
	}
	result, err := m.syncEngines(ctx, Options{Reason: ReasonPush}, chosen)
	push.Result = &result
	return err
}

// checkAccount asks the accounts server for the devices, and so learns whether it still accepts
// this one.
func (m *Manager) checkAccount(ctx context.Context) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.unlock()
	ctx, done := m.untilClosed(ctx)
	defer done()
	err := m.client.RefreshDevices(ctx)
	m.noteRefusal(err)
	m.mu.Lock()
	m.devices = m.state.Devices()
	m.mu.Unlock()
	return errors.Join(err, m.keep(ctx))
}

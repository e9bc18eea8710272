package syncmanager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/account/message"
)

// receiveEvery is the least time between two requests of Run for what other devices sent.
const receiveEvery = 5 * time.Minute

// ErrNoMessages means that this manager does not receive messages: [Config].Received is nil, or
// its account is not a [Messenger].
var ErrNoMessages = errors.New("this manager does not receive messages of other devices")

// Messenger is an [Account] through which devices send each other messages.
type Messenger interface {
	// Receive gets the messages that other devices sent since the last time, calls keep with
	// them, and marks them as received if that returns nil. name and kind describe this device
	// if the account does not know it yet.
	Receive(ctx context.Context, name, kind string, keep func([]message.Message) error) error
	// CloseTabs asks another device, by its ID with the accounts server, to close pages.
	CloseTabs(ctx context.Context, deviceID string, urls []string) error
	// OpenPush decrypts a push message, and returns its command and data (JSON, or nil).
	OpenPush(body []byte) (command string, data []byte, err error)
}

// DeviceNotifier is an [Account] that sends push messages to the account's other devices.
type DeviceNotifier interface {
	// Notify tells the devices with these IDs with the accounts server, or all others, that collections changed.
	Notify(ctx context.Context, collections []string, devices ...string) error
}

// Receive gets what other devices sent to this one, and calls [Config].Received with at most 20
// messages at once. They count as received when that returns nil. After an error, a panic or a
// crash they come again, with the same [message.Message].Index: Received stores them before it
// returns, and ignores an index that it has stored before. A message that cannot be used has
// its Err set, and does not stop the others.
//
// [Manager.Run] calls Receive with its syncs, at most once in five minutes, and
// [Manager.HandlePush] when a push message announces something. An app without them calls it
// when it starts, and when it comes to the front. A Sync may run at the same time; a second
// Receive waits for the first. Received must not call Receive,
// HandlePush, SignIn, SignOut or Close.
//
// The error is [ErrNoMessages], *[AuthError], or from the account or Received.
func (m *Manager) Receive(ctx context.Context) error {
	if err := m.lockReceiving(ctx); err != nil {
		return err
	}
	defer m.unlockReceiving()
	ctx, done := m.untilClosed(ctx)
	defer done()
	if err := m.refused(); err != nil {
		return err
	}
	m.mu.Lock()
	account, device := m.cfg.Account, m.cfg.Device
	if m.saved.DeviceName != "" {
		device.Name = m.saved.DeviceName
	}
	m.mu.Unlock()
	messenger, ok := account.(Messenger)
	if !ok || m.cfg.Received == nil {
		return ErrNoMessages
	}
	err := messenger.Receive(ctx, device.Name, device.Type, func(list []message.Message) error { return m.received(ctx, list) })
	return m.accountError(ctx, err)
}

// received calls the app. Its panic must not take down what else the app does with the manager.
func (m *Manager) received(ctx context.Context, list []message.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the app's Received broke: %v", p)
		}
	}()
	return m.cfg.Received(ctx, list)
}

// accountError makes an error of the account an AuthError if it means to sign in again, and
// remembers that. The caller holds running or receiving.
func (m *Manager) accountError(ctx context.Context, err error) error {
	var again interface{ SignInAgain() bool }
	if !errors.As(err, &again) || !again.SignInAgain() {
		return err
	}
	err = &AuthError{Err: err}
	m.noteRefusal(err)
	return errors.Join(err, m.save(ctx))
}

// receiveInRun is Receive for Run, if it is due since last, and returns when it was done last.
// The error is one with which Run must end.
func (m *Manager) receiveInRun(ctx context.Context, last time.Time) (time.Time, error) {
	now := m.cfg.Now()
	// A clock that was set back must not prevent requests.
	if m.cfg.Received == nil || now.Sub(last).Abs() < receiveEvery {
		return last, nil
	}
	err := m.Receive(ctx)
	switch {
	case err == nil:
		return now, nil
	case errors.As(err, new(*AuthError)):
		return last, err
	case ctx.Err() == nil:
		m.cfg.Log.Warn("what other devices sent could not be received; the next sync tries again", "err", err)
	}
	return last, nil
}

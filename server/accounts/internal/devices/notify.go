// Package devices keeps the list of an account's devices, passes commands between them, and
// notifies them by push messages.
package devices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/limiter"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/push"
)

const (
	// maxPushes is how many messages the devices of one account get in a window, so that one
	// account cannot use up the sender's capacity.
	maxPushes = 1000
	// goodbyeLife is how long a message waits that tells a device of its removal.
	goodbyeLife = 6 * time.Hour
)

// News is a message that the server itself sends. Firefox knows the commands.
type News struct {
	command string
	data    any // or nil
	ttl     time.Duration
}

// The news without data.
var (
	ProfileUpdated  = News{command: "profile_updated"}
	PasswordChanged = News{command: "password_changed", ttl: goodbyeLife}
	PasswordReset   = News{command: "password_reset", ttl: goodbyeLife}
)

// Connected says that a device was registered.
func Connected(name string) News {
	return News{command: "device_connected", data: struct {
		Name string `json:"deviceName"`
	}{name}}
}

// Disconnected says that a device was removed.
func Disconnected(id string) News {
	return News{command: "device_disconnected", ttl: goodbyeLife, data: struct {
		ID string `json:"id"`
	}{id}}
}

// AccountDestroyed says that an account was removed.
func AccountDestroyed(uid string) News {
	return News{command: "account_destroyed", ttl: goodbyeLife, data: struct {
		UID string `json:"uid"`
	}{uid}}
}

// CommandReceived says that a command waits for a device, from the one that sent it ("": no
// device), and where it is. It is valid as long as the command.
func CommandReceived(root, command string, index int64, sender string, life time.Duration) News {
	return News{command: "command_received", ttl: life, data: struct {
		Command string `json:"command"`
		Index   int64  `json:"index"`
		Sender  string `json:"sender"`
		URL     string `json:"url"`
	}{command, index, sender, fmt.Sprintf("%s/auth/v1/account/device/commands?index=%d&limit=1", root, index)}}
}

// Pusher sends messages to devices, as a [push.Sender] does.
type Pusher interface {
	// Send takes a message and does not wait until it is sent.
	Send(context.Context, push.Message) error
}

// Config says how a Notifier works.
type Config struct {
	Store store.Store
	// Push sends the messages; nil: none are sent.
	Push Pusher
	// Window is the time that an account's messages are counted over.
	Window time.Duration
	Now    func() time.Time
	Log    *slog.Logger
}

// Notifier tells devices. Its methods may be called concurrently. A failure is logged, and does
// not fail the request that the message is about.
type Notifier struct {
	cfg  Config
	sent limiter.Limiter
}

// NewNotifier returns a Notifier.
func NewNotifier(cfg Config) *Notifier { return &Notifier{cfg: cfg} }

// Listener is a device that receives push messages.
type Listener struct {
	uid, device string
	to          push.Subscription
}

// Every accepts every device.
func Every(string) bool { return true }

// Listeners returns the devices of an account that receive push messages and whose IDs want
// accepts. Call it before a change that removes a device which must be notified of it.
func (n *Notifier) Listeners(ctx context.Context, uid string, want func(device string) bool) []Listener {
	if n.cfg.Push == nil {
		return nil
	}
	devices, err := n.cfg.Store.Read(ctx).Devices(uid)
	if err != nil {
		n.cfg.Log.ErrorContext(ctx, "cannot read which devices hear push messages", "err", err)
	}
	var all []Listener
	for _, d := range devices {
		if d.Push.Callback != "" && !d.PushExpired && want(d.ID) {
			all = append(all, Listener{uid, d.ID, push.Subscription{
				Endpoint: d.Push.Callback, PublicKey: d.Push.PublicKey, AuthKey: d.Push.AuthKey,
			}})
		}
	}
	return all
}

// Tell sends news to devices, and returns to how many it was sent.
func (n *Notifier) Tell(ctx context.Context, to []Listener, what News) (sent int) {
	payload, err := json.Marshal(struct {
		Command string `json:"command"`
		Data    any    `json:"data,omitempty"`
		Version int    `json:"version"`
	}{"fxaccounts:" + what.command, what.data, 1})
	if err != nil {
		n.cfg.Log.ErrorContext(ctx, "cannot write a push message", "err", err)
		return 0
	}
	return n.Send(ctx, to, payload, what.ttl)
}

// Send is Tell for a payload that a device wrote.
func (n *Notifier) Send(ctx context.Context, to []Listener, payload []byte, ttl time.Duration) (sent int) {
	for _, l := range to {
		if n.sent.Take(l.uid, maxPushes, n.cfg.Window, n.cfg.Now()) > 0 {
			n.cfg.Log.WarnContext(ctx, "too many push messages of one account", "uid", l.uid)
			return sent
		}
		err := n.cfg.Push.Send(ctx, push.Message{Account: l.uid, Device: l.device, To: l.to, Payload: payload, TTL: ttl})
		switch {
		case err == nil:
			sent++
		case errors.Is(err, push.ErrHost), errors.Is(err, push.ErrKeys), errors.Is(err, push.ErrTooLong):
			// The cause is the device, and the failure is likely to happen each time.
			n.cfg.Log.DebugContext(ctx, "no push message for a device", "device", l.device, "err", err)
		default:
			n.cfg.Log.WarnContext(ctx, "cannot send a push message", "device", l.device, "err", err)
		}
	}
	return sent
}

// Expired remembers that the subscription of a message is over, unless the device has another by
// now. The device sees it when it reads its own entry, and subscribes again.
func (n *Notifier) Expired(ctx context.Context, m push.Message) {
	err := n.cfg.Store.Update(ctx, m.Account, func(tx store.Tx) error {
		return tx.SetPushExpired(m.Account, m.Device, m.To.Endpoint)
	})
	if err != nil {
		n.cfg.Log.ErrorContext(ctx, "cannot remember that a push subscription is over", "err", err)
	}
}

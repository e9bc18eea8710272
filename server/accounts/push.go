package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/push"
)

// Pusher sends messages to devices, as a push.Sender does.
type Pusher interface {
	// Send takes a message and does not wait until it is sent.
	Send(push.Message) error
}

const (
	// maxPushes is how many messages the devices of one account get in a window of
	// Limits, so that nobody takes all of the sender.
	maxPushes = 1000
	// goodbyeLife is how long a message waits that tells a device of its end.
	goodbyeLife = 6 * time.Hour
)

// listener is a device that hears push messages.
type listener struct {
	uid, device string
	to          push.Subscription
}

func everyDevice(string) bool { return true }

// listeners are the devices of an account that hear push messages, of those that
// want accepts. A message for one that goes needs them from before. That they
// cannot be read is no reason to refuse anything; it is logged.
func (s *Service) listeners(ctx context.Context, uid string, want func(device string) bool) []listener {
	if s.cfg.Push == nil {
		return nil
	}
	devices, err := s.db.Read(ctx).Devices(uid)
	if err != nil {
		s.cfg.Log.ErrorContext(ctx, "cannot read which devices hear push messages", "err", err)
	}
	var all []listener
	for _, d := range devices {
		if d.Push.Callback != "" && !d.PushExpired && want(d.ID) {
			all = append(all, listener{uid, d.ID, push.Subscription{
				Endpoint: d.Push.Callback, PublicKey: d.Push.PublicKey, AuthKey: d.Push.AuthKey,
			}})
		}
	}
	return all
}

// news is a message of the server's own.
type news struct {
	Version int    `json:"version"`
	Command string `json:"command"`
	Data    any    `json:"data,omitempty"`
}

// What news tell.
type (
	connectedNews struct {
		Name string `json:"deviceName"`
	}
	disconnectedNews struct {
		ID string `json:"id"`
	}
	commandNews struct {
		Command string `json:"command"`
		Index   int64  `json:"index"`
		Sender  string `json:"sender"`
		URL     string `json:"url"`
	}
	destroyedNews struct {
		UID string `json:"uid"`
	}
)

// notify sends a message of the server's own. Firefox knows the commands.
func (s *Service) notify(ctx context.Context, to []listener, command string, data any, ttl time.Duration) (sent int) {
	payload, err := json.Marshal(news{Version: 1, Command: "fxaccounts:" + command, Data: data})
	if err != nil {
		s.cfg.Log.ErrorContext(ctx, "cannot write a push message", "err", err)
		return 0
	}
	return s.send(ctx, to, payload, ttl)
}

// notifyCommand wakes a device for a command that waits for it, and reports
// whether a message is on its way.
func (s *Service) notifyCommand(ctx context.Context, from *actor, target, command string, index int64, ttl time.Duration) bool {
	to := s.listeners(ctx, from.uid, func(device string) bool { return device == target })
	return s.notify(ctx, to, "command_received", commandNews{
		Command: command, Index: index, Sender: from.device,
		URL: fmt.Sprintf("%s/auth/v1/account/device/commands?index=%d&limit=1", s.issuer(), index),
	}, ttl) > 0
}

// send sends a payload to devices, and counts those to which it is on its way.
func (s *Service) send(ctx context.Context, to []listener, payload []byte, ttl time.Duration) (sent int) {
	for _, l := range to {
		if s.own.take("p:"+l.uid, maxPushes, s.cfg.Limits.Window, s.cfg.Now()) > 0 {
			s.cfg.Log.WarnContext(ctx, "too many push messages of one account", "uid", l.uid)
			return sent
		}
		err := s.cfg.Push.Send(push.Message{
			To: l.to, Payload: payload, TTL: ttl, Expired: func(ctx context.Context) { s.pushExpired(ctx, l) },
		})
		switch {
		case err == nil:
			sent++
		case errors.Is(err, push.ErrHost), errors.Is(err, push.ErrKeys), errors.Is(err, push.ErrTooLong):
			// A device's own doing, and likely to happen each time.
			s.cfg.Log.DebugContext(ctx, "no push message for a device", "device", l.device, "err", err)
		default:
			s.cfg.Log.WarnContext(ctx, "cannot send a push message", "device", l.device, "err", err)
		}
	}
	return sent
}

// pushExpired remembers that a subscription is over, unless the device has
// another by now. The device sees it when it looks at itself, and subscribes again.
func (s *Service) pushExpired(ctx context.Context, l listener) {
	err := s.db.Update(ctx, func(tx store.Tx) error {
		return tx.SetPushExpired(l.uid, l.device, l.to.Endpoint)
	})
	if err != nil {
		s.cfg.Log.ErrorContext(ctx, "cannot remember that a push subscription is over", "err", err)
	}
}

package devices

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

const (
	// commandLife is how long a command waits for its device.
	commandLife = 28 * 24 * time.Hour
	// maxCommands bounds one answer, and maxWaiting what waits for one device.
	maxCommands = 100
	maxWaiting  = 200
	// maxAccountCommands bounds what waits for all devices of an account.
	maxAccountCommands = 500
	// maxCommandPayload bounds a command's payload, in bytes; Firefox sends 16 KiB.
	maxCommandPayload = 48 << 10
)

// The answers about commands.
type (
	commandAnswer struct {
		Enqueued bool   `json:"enqueued"`
		Notified bool   `json:"notified"`
		Error    string `json:"notifyError,omitempty"`
	}
	commandList struct {
		Index    int64            `json:"index"`
		Last     bool             `json:"last"`
		Messages []commandMessage `json:"messages"`
	}
	commandMessage struct {
		Index int64       `json:"index"`
		Data  commandData `json:"data"`
	}
	commandData struct {
		Sender  string          `json:"sender"`
		Command string          `json:"command"`
		Payload json.RawMessage `json:"payload"`
	}
)

// notifyRequest is a message for the account's devices.
type notifyRequest struct {
	To       json.RawMessage `json:"to"` // "all", or a list of IDs
	Excluded []string        `json:"excluded"`
	Payload  json.RawMessage `json:"payload"`
	TTL      float64         `json:"TTL"` // seconds
}

// recipients reports which devices the message is for.
func (in *notifyRequest) recipients() (func(device string) bool, error) {
	var all string
	var some []string
	switch {
	case in.To == nil:
		return nil, fault.Missing("to")
	case json.Unmarshal(in.To, &all) == nil && all == "all":
		return func(device string) bool { return !slices.Contains(in.Excluded, device) }, nil
	case json.Unmarshal(in.To, &some) == nil && in.Excluded == nil:
		return func(device string) bool { return slices.Contains(some, device) }, nil
	}
	return nil, fault.Invalid("to")
}

// aboutSync reports whether the message says that there is something to sync.
func (in *notifyRequest) aboutSync() bool {
	// A map, for which command and Command differ, as they do for a device.
	var payload map[string]json.RawMessage
	var command string
	return json.Unmarshal(in.Payload, &payload) == nil && json.Unmarshal(payload["command"], &command) == nil &&
		strings.HasPrefix(command, "sync:")
}

// Notify passes a message on to the account's devices: that there is
// something to sync. Other messages are for the server alone to send, and are
// dropped.
func (h *Handlers) Notify(r *api.Request) (any, error) {
	a, err := h.Auth.Caller(r)
	if err != nil {
		return nil, err
	}
	var in notifyRequest
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	recipients, err := in.recipients()
	if err != nil {
		return nil, err
	}
	if !in.aboutSync() {
		return api.Nothing, nil
	}
	ttl := time.Duration(min(max(in.TTL, 0), commandLife.Seconds())) * time.Second
	h.Notifier.Send(r.Context(), h.Notifier.Listeners(r.Context(), a.UID, recipients), in.Payload, ttl)
	return api.Nothing, nil
}

// invokeRequest is a command for another device.
type invokeRequest struct {
	Target  string          `json:"target"`
	Command string          `json:"command"`
	Payload json.RawMessage `json:"payload"`
	TTL     int64           `json:"ttl"` // seconds
}

func (in *invokeRequest) check() error {
	switch {
	case in.Target == "":
		return fault.Missing("target")
	case in.Command == "":
		return fault.Missing("command")
	case len(in.Payload) == 0:
		return fault.Missing("payload")
	case len(in.Payload) > maxCommandPayload:
		return fault.Invalid("payload")
	case in.TTL < 0:
		return fault.Invalid("ttl")
	}
	return nil
}

// life is how long the command waits.
func (in *invokeRequest) life() time.Duration {
	if in.TTL == 0 {
		return commandLife
	}
	return time.Duration(min(in.TTL, int64(commandLife/time.Second))) * time.Second
}

// Invoke stores a command for another device of the account.
func (h *Handlers) Invoke(r *api.Request) (any, error) {
	a, err := h.Auth.Caller(r)
	if err != nil {
		return nil, err
	}
	var in invokeRequest
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	ctx := r.Context()
	var index int64
	err = h.Auth.UpdateBy(ctx, a, func(tx store.Tx) (err error) {
		index, err = h.enqueue(tx, a, &in)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := commandAnswer{Enqueued: true, Notified: true}
	to := h.Notifier.Listeners(ctx, a.UID, func(device string) bool { return device == in.Target })
	if h.Notifier.Tell(ctx, to, CommandReceived(h.URLs.Canonical().String(), in.Command, index, a.Device, in.life())) == 0 {
		out.Notified, out.Error = false, "no push message could be sent"
	}
	return out, nil
}

// enqueue adds a command for a device that takes it, and returns its index.
func (h *Handlers) enqueue(tx store.Tx, a *auth.Caller, in *invokeRequest) (index int64, err error) {
	target, err := tx.Device(a.UID, in.Target)
	if errors.Is(err, store.ErrNotFound) {
		return 0, fault.ErrUnknownDevice
	}
	if err != nil {
		return 0, err
	}
	var known map[string]string
	if err := json.Unmarshal([]byte(target.Commands), &known); err != nil {
		return 0, err
	}
	if _, ok := known[in.Command]; !ok {
		return 0, fault.ErrCommand
	}
	return tx.AddCommand(a.UID, in.Target, store.Command{
		Sender: a.Device, Command: in.Command, Payload: string(in.Payload), ExpiresAt: h.Now().Add(in.life()).UnixMilli(),
	}, maxWaiting, maxAccountCommands)
}

// Commands lists the commands that wait for the caller's device, from an index on. The device
// remembers the index; reading does not remove commands.
func (h *Handlers) Commands(r *api.Request) (any, error) {
	a, err := h.Auth.Caller(r)
	if err != nil {
		return nil, err
	}
	if a.Device == "" {
		return nil, fault.ErrUnknownDevice
	}
	q := r.URL.Query()
	number := func(name string, or int64) (int64, error) {
		text := q.Get(name)
		if text == "" {
			return or, nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return 0, fault.Invalid(name)
		}
		return n, nil
	}
	from, err := number("index", 0)
	if err != nil {
		return nil, err
	}
	limit, err := number("limit", maxCommands)
	if err != nil {
		return nil, err
	}
	limit = min(limit, maxCommands)
	waiting, err := h.DB.Read(r.Context()).Commands(a.UID, a.Device, from, h.Now().UnixMilli(), int(limit)+1)
	if err != nil {
		return nil, err
	}
	more := int64(len(waiting)) > limit
	if more {
		waiting = waiting[:limit]
	}
	messages := []commandMessage{}
	last := max(from-1, 0)
	for _, c := range waiting {
		last = c.Index
		messages = append(messages, commandMessage{c.Index, commandData{c.Sender, c.Command, json.RawMessage(c.Payload)}})
	}
	return commandList{Index: last, Last: !more, Messages: messages}, nil
}

package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"

	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/internal/sendtab"
)

// Tab is a page that one device sends to another.
type Tab = message.Tab

// Message is what another device sent to this one.
type Message = message.Message

var (
	// ErrNoCommand means that a device does not accept such a message.
	ErrNoCommand = errors.New("this device takes no pages from others")
	// ErrDeviceKeys means that a device's keys are from before the account's key changed: it
	// has not synced since, or must sign in again.
	ErrDeviceKeys = sendtab.ErrBundle
	// ErrAddress means that an address is not that of a web page: only "https:" and "http:"
	// mean the same on every device, and nothing but a page.
	ErrAddress = sendtab.ErrAddress
	// ErrTooLong means that a page's URL or title is too long to send.
	ErrTooLong = sendtab.ErrTooLong
)

const (
	// maxMessages is how many messages are requested at once. This many of the longest messages
	// are well below maxAnswer.
	maxMessages = 20
	// maxPages bounds the requests of one Receive. A server keeps 200 messages for a device.
	maxPages = 50
)

// commandKeys are this device's, for what others send it. They are secret.
type commandKeys struct {
	Private []byte `json:"private"`
	Auth    []byte `json:"auth"`
}

// available makes the account's entry of what this device takes, and with the
// first one its keys.
func (a *Account) available() (map[string]string, error) {
	s := a.Session()
	if s.kept.Commands == nil {
		k, err := ece.GenerateKeys(a.c.cfg.Rand)
		if err != nil {
			return nil, err
		}
		s.kept.Commands = &commandKeys{k.Private(), k.Auth()}
		if err := a.change(func(now *Session) { now.kept.Commands = s.kept.Commands }); err != nil {
			return nil, err
		}
	}
	k, err := ece.NewKeys(s.kept.Commands.Private, s.kept.Commands.Auth)
	if err != nil {
		return nil, err
	}
	value, err := sendtab.Publish(k, s.syncKey(), a.c.cfg.Rand)
	if err != nil {
		return nil, err
	}
	return map[string]string{sendtab.OpenURI: value, sendtab.CloseURI: value}, nil
}

func (s Session) syncKey() sendtab.SyncKey { return sendtab.SyncKey{ID: s.KeyID, Key: s.Key} }

// ErrNoDevice means that the account has no other device with this ID.
var ErrNoDevice = errors.New("the account has no other device with this ID")

// SendTab sends a page to another device, about which it asks the server first. deviceID is
// [Device].ID, which the manager's list of devices has as engine.Device.AccountID. The error wraps,
// among others, [ErrNoDevice], [ErrNoCommand], [ErrDeviceKeys], [ErrAddress] or [ErrTooLong].
func (a *Account) SendTab(ctx context.Context, deviceID string, tab Tab) error {
	to, err := a.otherDevice(ctx, "send the page", deviceID)
	if err != nil {
		return err
	}
	return a.invoke(ctx, "send the page to "+to.Name, to, sendtab.OpenURI, func(value string) (sendtab.Payload, error) {
		return sendtab.SealTab(sendtab.Tab(tab), value, a.Session().syncKey(), a.c.cfg.Rand)
	})
}

// otherDevice asks the server for the device with this ID, which is not this one.
func (a *Account) otherDevice(ctx context.Context, doing, id string) (Device, error) {
	if id == "" {
		return Device{}, fmt.Errorf("cannot %s: %w", doing, ErrNoDevice)
	}
	list, err := a.Devices(ctx)
	if err != nil {
		return Device{}, err
	}
	i := slices.IndexFunc(list, func(d Device) bool { return d.ID == id && !d.Current })
	if i < 0 {
		return Device{}, fmt.Errorf("cannot %s: %w", doing, ErrNoDevice)
	}
	return list[i], nil
}

func (a *Account) invoke(ctx context.Context, doing string, to Device, command string, seal func(value string) (sendtab.Payload, error)) error {
	value, takes := to.commands[command]
	if !takes {
		return fmt.Errorf("cannot %s: %w", doing, ErrNoCommand)
	}
	payload, err := seal(value)
	if err != nil {
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	return a.do(ctx, doing, http.MethodPost, "/account/devices/invoke_command", map[string]any{
		"target": to.ID, "command": command, "payload": payload,
	}, nil)
}

// Receive gets the messages that other devices sent since the last time, calls keep with at most
// 20 of them at once, and then marks these as received: after a crash in between, or an error of
// keep, they come again with the same [Message].Index. A message that cannot be used has its Err
// set and does not stop the others. If this device does not accept messages yet, Receive
// registers it for them, with its name and kind, in another request. One call gets at most 1000
// messages.
func (a *Account) Receive(ctx context.Context, name, kind string, keep func([]Message) error) error {
	if a.Session().kept.Commands == nil {
		return a.RegisterDevice(ctx, name, kind)
	}
	if err := a.take(ctx); err != nil {
		return err
	}
	defer a.giveBack()
	for range maxPages {
		list, next, last, err := a.nextMessages(ctx)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := keep(list); err != nil {
			return err
		}
		if err := a.change(func(s *Session) { s.kept.CommandIndex = next }); err != nil {
			return err
		}
		if last {
			return nil
		}
	}
	return nil
}

// nextMessages gets the first messages that were not received yet, at most maxMessages, the index
// after them, and whether they are the last.
func (a *Account) nextMessages(ctx context.Context) (list []Message, next int64, last bool, err error) {
	s := a.Session()
	k, err := ece.NewKeys(s.kept.Commands.Private, s.kept.Commands.Auth)
	if err != nil {
		return nil, 0, false, err
	}
	var got struct {
		Last     bool      `json:"last"`
		Messages []command `json:"messages"`
	}
	path := fmt.Sprintf("/account/device/commands?index=%d&limit=%d", s.kept.CommandIndex, maxMessages)
	if err := a.do(ctx, "get what other devices sent", http.MethodGet, path, nil, &got); err != nil {
		return nil, 0, false, err
	}
	next = s.kept.CommandIndex
	for _, c := range got.Messages[:min(len(got.Messages), maxMessages)] {
		if c.Index < next || c.Index == math.MaxInt64 {
			continue // it came already, or would be the last for ever
		}
		next = c.Index + 1
		m := c.open(k)
		if m.Err != nil {
			a.c.cfg.Log.WarnContext(ctx, "what another device sent cannot be used", "device", m.Sender, "err", m.Err)
		}
		list = append(list, m)
	}
	return list, next, got.Last && len(got.Messages) <= maxMessages, nil
}

// command is a message as the server has it.
type command struct {
	Index int64 `json:"index"`
	Data  struct {
		Sender  string          `json:"sender"`
		Command string          `json:"command"`
		Payload json.RawMessage `json:"payload"`
	} `json:"data"`
}

// open decrypts a message.
func (c command) open(k *ece.Keys) Message {
	m := Message{Index: c.Index, Sender: fmt.Sprintf("%.64s", c.Data.Sender)}
	var p sendtab.Payload
	if err := json.Unmarshal(c.Data.Payload, &p); err != nil {
		m.Err = sendtab.ErrMessage
		return m
	}
	switch c.Data.Command {
	case sendtab.OpenURI:
		tab, err := sendtab.OpenTab(p, k)
		if m.Err = err; err == nil {
			m.Tab = (*Tab)(&tab)
		}
	case sendtab.CloseURI:
		m.Close, m.Err = sendtab.OpenURLs(p, k)
	default:
		m.Err = fmt.Errorf("the command %.100q is not known here", c.Data.Command)
	}
	return m
}

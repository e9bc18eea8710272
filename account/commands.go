package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/internal/sendtab"
)

// Tab is a page that one device sends to another.
type Tab struct {
	Title string
	URL   string
	// Private asks for a private window.
	Private bool
}

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

// maxMessages is how many messages are requested at once. This many of the longest messages are
// well below maxAnswer.
const maxMessages = 20

// commandKeys are this device's, for what others send it. They are secret.
type commandKeys struct {
	Private []byte `json:"private"`
	Auth    []byte `json:"auth"`
}

// Message is what another device sent to this one: either Tab or Close is set.
type Message struct {
	// Index grows with each message to this device.
	Index int64
	// Sender is the device's ID, or "" if it left the account.
	Sender string
	// Tab is a page of the web to open: a message with another address is left out.
	Tab *Tab
	// Close lists the URLs of pages to close.
	Close []string
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

// SendTab sends a page to another device from [Account.Devices]. The error wraps, among
// others, [ErrNoCommand], [ErrDeviceKeys], [ErrAddress] or [ErrTooLong].
func (a *Account) SendTab(ctx context.Context, to Device, tab Tab) error {
	return a.invoke(ctx, "send the page to "+to.Name, to, sendtab.OpenURI, func(value string) (sendtab.Payload, error) {
		return sendtab.SealTab(sendtab.Tab(tab), value, a.Session().syncKey(), a.c.cfg.Rand)
	})
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

// Receive gets the messages that other devices sent since the last time, calls keep with
// them, and then marks them as received: after a crash in between, they come again. Messages
// that cannot be read are left out. If this device does not accept messages yet, Receive
// registers it for them, with its name and kind, in another request.
func (a *Account) Receive(ctx context.Context, name, kind string, keep func([]Message) error) error {
	if a.Session().kept.Commands == nil {
		return a.RegisterDevice(ctx, name, kind)
	}
	if err := a.take(ctx); err != nil {
		return err
	}
	defer a.giveBack()
	for {
		s := a.Session()
		k, err := ece.NewKeys(s.kept.Commands.Private, s.kept.Commands.Auth)
		if err != nil {
			return err
		}
		var got struct {
			Last     bool      `json:"last"`
			Messages []command `json:"messages"`
		}
		path := fmt.Sprintf("/account/device/commands?index=%d&limit=%d", s.kept.CommandIndex, maxMessages)
		if err := a.do(ctx, "get what other devices sent", http.MethodGet, path, nil, &got); err != nil {
			return err
		}
		var list []Message
		next := s.kept.CommandIndex
		for _, c := range got.Messages {
			next = max(next, c.Index+1)
			m, err := c.open(k)
			if err != nil {
				a.c.cfg.Log.WarnContext(ctx, "what another device sent is left out", "device", c.Data.Sender, "err", err)
				continue
			}
			list = append(list, m)
		}
		if next == s.kept.CommandIndex {
			return nil
		}
		if err := keep(list); err != nil {
			return err
		}
		if err := a.change(func(s *Session) { s.kept.CommandIndex = next }); err != nil {
			return err
		}
		if got.Last {
			return nil
		}
	}
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

func (c command) open(k *ece.Keys) (Message, error) {
	m := Message{Index: c.Index, Sender: c.Data.Sender}
	var p sendtab.Payload
	if err := json.Unmarshal(c.Data.Payload, &p); err != nil {
		return m, sendtab.ErrMessage
	}
	switch c.Data.Command {
	case sendtab.OpenURI:
		tab, err := sendtab.OpenTab(p, k)
		m.Tab = (*Tab)(&tab)
		return m, err
	case sendtab.CloseURI:
		urls, err := sendtab.OpenURLs(p, k)
		m.Close = urls
		return m, err
	}
	return m, fmt.Errorf("the command %.100q is not known here", c.Data.Command)
}

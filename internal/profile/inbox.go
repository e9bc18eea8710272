package profile

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/engine"
)

const (
	inboxFile = "inbox.sealed"
	// maxInbox bounds how many pages are kept; the oldest are deleted first.
	maxInbox = 1000
	// PollEvery is the least time between two requests of syncs for what other devices
	// sent, which is usually nothing.
	PollEvery = 5 * time.Minute
)

// ReceivedTab is a page that another device sent to this one.
type ReceivedTab struct {
	Title   string `json:"title"`
	URL     string `json:"url"`
	Private bool   `json:"private,omitempty"`
	// From is the name of the device that sent it, if it was known when it arrived.
	From       string    `json:"from,omitempty"`
	ReceivedAt time.Time `json:"receivedAt"`
}

// Arrivals are what other devices sent.
type Arrivals struct {
	// Tabs are the pages to open. They are in the inbox too.
	Tabs []ReceivedTab `json:"receivedTabs,omitempty"`
	// Closed are the addresses of this device's tabs that another one closed.
	Closed []string `json:"closedTabs,omitempty"`
	// Unusable says, for each message that is damaged or not known here, why.
	Unusable []string `json:"unusableMessages,omitempty"`
	// Requests counts the requests.
	Requests int `json:"-"`
}

// inbox is the content of inboxFile.
type inbox struct {
	// PolledAt is the time of the last request to the server.
	PolledAt time.Time      `json:"polledAt"`
	Messages []inboxMessage `json:"messages"`
}

// inboxMessage has what tells it from others: after a crash one comes twice.
type inboxMessage struct {
	ReceivedTab
	Device string `json:"device"` // to which it was sent
	Index  int64  `json:"index"`
}

// loadInbox reads the inbox. The caller holds its lock.
func (p *Profile) loadInbox() (*inbox, error) {
	var in inbox
	file, err := p.sealed(inboxFile, "inbox")
	if err != nil {
		return nil, err
	}
	b, err := file.Read()
	if b != nil && err == nil {
		err = json.Unmarshal(b, &in)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the tabs that other devices sent, in %s: %w", p.path(inboxFile), err)
	}
	return &in, nil
}

func (p *Profile) saveInbox(in *inbox) error {
	in.Messages = in.Messages[max(0, len(in.Messages)-maxInbox):]
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	file, err := p.sealed(inboxFile, "inbox")
	if err != nil {
		return err
	}
	return file.Write(b)
}

// changeInbox changes the inbox, and saves it.
func (p *Profile) changeInbox(f func(*inbox) error) error {
	p.inbox.Lock()
	defer p.inbox.Unlock()
	in, err := p.loadInbox()
	if err != nil {
		return err
	}
	if err := f(in); err != nil {
		return err
	}
	return p.saveInbox(in)
}

// Inbox lists the pages that other devices sent, in the order of their arrival.
func (p *Profile) Inbox() ([]ReceivedTab, error) {
	p.inbox.Lock()
	defer p.inbox.Unlock()
	in, err := p.loadInbox()
	if err != nil {
		return nil, err
	}
	list := make([]ReceivedTab, len(in.Messages))
	for i, m := range in.Messages {
		list[i] = m.ReceivedTab
	}
	return list, nil
}

// ClearInbox deletes the pages that other devices sent.
func (p *Profile) ClearInbox() error {
	return p.changeInbox(func(in *inbox) error {
		in.Messages = nil
		return nil
	})
}

// Receive gets what other devices sent: pages go to the inbox, and those to be
// closed from this device's tabs. It asks the server unless that was less than
// age ago. A profile that is alone, with no account or a local one, gets nothing.
func (p *Profile) Receive(ctx context.Context, age time.Duration) (Arrivals, error) {
	var got Arrivals
	if c, _ := p.signedInAs(); c == nil || c.Local {
		return got, nil
	}
	now := p.config.Now()
	due, err := p.pollDue(now, age)
	if !due || err != nil {
		return got, err
	}
	a, err := p.signedIn()
	if err != nil {
		return got, err
	}
	before := a.Requests()
	err = a.Receive(ctx, p.DeviceName(), DeviceType, func(list []account.Message) error { return p.keepAll(ctx, a, list, &got) })
	got.Requests = a.Requests() - before
	if err != nil {
		return got, err
	}
	return got, p.changeInbox(func(in *inbox) error {
		in.PolledAt = now
		return nil
	})
}

// pollDue reports whether the last request is at least age ago.
func (p *Profile) pollDue(now time.Time, age time.Duration) (bool, error) {
	p.inbox.Lock()
	defer p.inbox.Unlock()
	in, err := p.loadInbox()
	if err != nil {
		return false, err
	}
	// A clock that was set back must not prevent requests.
	since := now.Sub(in.PolledAt)
	return since < 0 || since >= age, nil
}

// received carries out the messages that the manager got.
func (p *Profile) received(ctx context.Context, list []account.Message) error {
	a, err := p.signedIn()
	if err != nil {
		return err
	}
	var got Arrivals
	if err := p.keepAll(ctx, a, list, &got); err != nil {
		return err
	}
	for _, text := range got.Unusable {
		p.config.Log.Warn(text)
	}
	return nil
}

// keepAll carries out messages, and saves the inbox.
func (p *Profile) keepAll(ctx context.Context, a *account.Account, list []account.Message, got *Arrivals) error {
	return p.changeInbox(func(in *inbox) error {
		for _, m := range list {
			if err := p.keep(ctx, a, in, m, got); err != nil {
				return err
			}
		}
		return nil
	})
}

// keep carries out a message.
func (p *Profile) keep(ctx context.Context, a *account.Account, in *inbox, m account.Message, got *Arrivals) error {
	if m.Err != nil {
		got.Unusable = append(got.Unusable, fmt.Sprintf("a message from %s cannot be used: %v", cmp.Or(p.nameOf(ctx, a, m.Sender), "an unknown device"), m.Err))
		return nil
	}
	for _, address := range m.Close {
		store, err := p.Tabs(ctx)
		if err == nil {
			err = store.CloseTab(ctx, address)
		}
		switch {
		case err == nil:
			got.Closed = append(got.Closed, address)
		case !errors.Is(err, engine.ErrNotFound):
			return err
		}
	}
	device := a.DeviceID()
	known := func(old inboxMessage) bool { return old.Device == device && old.Index == m.Index }
	if m.Tab == nil || slices.ContainsFunc(in.Messages, known) {
		return nil
	}
	t := ReceivedTab{
		Title: m.Tab.Title, URL: m.Tab.URL, Private: m.Tab.Private,
		From: p.nameOf(ctx, a, m.Sender), ReceivedAt: p.config.Now().UTC(),
	}
	in.Messages = append(in.Messages, inboxMessage{t, device, m.Index})
	got.Tabs = append(got.Tabs, t)
	return nil
}

// nameOf returns the name of a device: that of the last sync, or for a device that is
// newer, that on the server; "" if it is unknown.
func (p *Profile) nameOf(ctx context.Context, a *account.Account, id string) string {
	if id == "" {
		return ""
	}
	if m := p.managerNow(ctx); m != nil {
		for _, d := range m.Devices() {
			if d.AccountID == id {
				return d.Name
			}
		}
	}
	// A page without the name of its sender is better than none.
	list, err := a.Devices(ctx)
	if err != nil {
		p.config.Log.Warn("the device that sent a page has no name", "err", err)
	}
	for _, d := range list {
		if d.ID == id {
			return d.Name
		}
	}
	return ""
}

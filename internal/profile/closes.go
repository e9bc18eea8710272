package profile

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// Departures are what this device sent to others.
type Departures struct {
	// Closes counts the tabs that other devices were asked to close.
	Closes int `json:"closesSent,omitempty"`
	// Requests counts the requests.
	Requests int `json:"-"`
}

// CloseRemoteTabs closes tabs of the device that word names, and returns that device. The next
// sync asks it.
func (p *Profile) CloseRemoteTabs(ctx context.Context, word string, urls []string) (engine.Device, error) {
	d, err := p.FindDevice(ctx, word)
	if err != nil {
		return d, err
	}
	store, err := p.Tabs(ctx)
	if err != nil {
		return d, err
	}
	return d, store.CloseRemote(ctx, d.ID, urls...)
}

// UndoCloses opens tabs of the device that word names again, and returns them; without word, those
// that were closed last.
func (p *Profile) UndoCloses(ctx context.Context, word string, urls []string) (undone []tabs.PendingClose, err error) {
	store, err := p.Tabs(ctx)
	if err != nil {
		return nil, err
	}
	var wanted []tabs.PendingClose
	if word != "" {
		d, err := p.FindDevice(ctx, word)
		if err != nil {
			return nil, err
		}
		for _, url := range urls {
			wanted = append(wanted, tabs.PendingClose{Device: d, URL: url})
		}
	} else if wanted, err = lastClosed(ctx, store); err != nil {
		return nil, err
	}
	for _, c := range wanted {
		if err := store.UndoClose(ctx, c.Device.ID, c.URL); err != nil {
			return undone, err
		}
		undone = append(undone, c)
	}
	return undone, nil
}

// lastClosed returns the tabs that one command closed, the last of which nobody was asked.
func lastClosed(ctx context.Context, store *tabs.Engine) (last []tabs.PendingClose, err error) {
	all, err := store.PendingCloses(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if !c.SentAt.IsZero() {
			continue
		}
		if len(last) > 0 && (last[0].QueuedAt != c.QueuedAt || last[0].Device.ID != c.Device.ID) {
			last = nil
		}
		last = append(last, c)
	}
	return last, nil
}

// SendCloses asks other devices to close the tabs that the user closed here.
func (p *Profile) SendCloses(ctx context.Context) (sent Departures, err error) {
	store, err := p.Tabs(ctx)
	if err != nil {
		return sent, err
	}
	a, err := p.signedIn()
	if err != nil {
		return sent, err
	}
	before := a.Requests()
	r, err := store.SendCloses(ctx, 0, a.CloseTabs)
	return Departures{Closes: r.Sent, Requests: a.Requests() - before}, err
}

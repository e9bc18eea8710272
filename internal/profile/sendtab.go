package profile

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/syncmanager/syncmanager/account"
)

// ErrNotAWebPage means that other devices cannot open an address.
var ErrNotAWebPage = errors.New("only web pages, https:// or http://, can be sent to another device")

// SendTab sends a page to the device that word names, and returns that device.
func (p *Profile) SendTab(ctx context.Context, word string, tab account.Tab) (account.Device, error) {
	if !isWebPage(tab.URL) {
		return account.Device{}, fmt.Errorf("cannot send %q: %w", tab.URL, ErrNotAWebPage)
	}
	a, d, err := p.findAccountDevice(ctx, word)
	if err != nil {
		return d, err
	}
	return d, a.SendTab(ctx, d.ID, tab)
}

// CloseTabs closes pages on the device that word names, and returns that device.
func (p *Profile) CloseTabs(ctx context.Context, word string, urls []string) (account.Device, error) {
	a, d, err := p.findAccountDevice(ctx, word)
	if err != nil {
		return d, err
	}
	return d, a.CloseTabs(ctx, d.ID, urls)
}

// Disconnect signs out the device that word names, and returns that device.
func (p *Profile) Disconnect(ctx context.Context, word string) (account.Device, error) {
	a, d, err := p.findAccountDevice(ctx, word)
	if err != nil {
		return d, err
	}
	return d, a.Disconnect(ctx, d)
}

// AttachedClients asks the server for the sessions of the account.
func (p *Profile) AttachedClients(ctx context.Context) ([]account.AttachedClient, error) {
	a, err := p.signedIn()
	if err != nil {
		return nil, err
	}
	return a.AttachedClients(ctx)
}

// findAccountDevice returns the account, and asks its server for the one of the account's other devices
// that word names: by its name, by its ID with the account or among the clients,
// or by the beginning of one.
func (p *Profile) findAccountDevice(ctx context.Context, word string) (*account.Account, account.Device, error) {
	m, err := p.Manager(ctx)
	if err != nil {
		return nil, account.Device{}, err
	}
	a, err := p.signedIn()
	if err != nil {
		return nil, account.Device{}, err
	}
	clients := map[string]string{}
	for _, d := range m.Devices() {
		clients[d.AccountID] = string(d.ID)
	}
	list, err := a.Devices(ctx)
	if err != nil {
		return nil, account.Device{}, err
	}
	d, err := pick(word, "other device", func(yield func(account.Device, error) bool) {
		for _, d := range list {
			if !d.Current && !yield(d, nil) {
				return
			}
		}
	}, func(d account.Device) match {
		if strings.EqualFold(d.Name, word) {
			return byName
		}
		return max(matchID(word, d.ID), matchID(word, clients[d.ID]))
	}, func(d account.Device) string { return d.ID + " (" + d.Name + ")" })
	return a, d, err
}

// isWebPage reports whether an address means the same on every device, and
// nothing but a page on any: "file:" or "javascript:" would be another matter.
func isWebPage(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

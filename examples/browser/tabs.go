package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

var tabCommands = []command{
	{"tabs", "", "the pages open on this device and on the others", (*browser).listTabs},
	{"tab close", "URL", "close a page on this device", (*browser).closeTab},
	{"tab close-on", "DEVICE URL…", "close pages on another device", (*browser).closeTabsOn},
	{"tab send", "DEVICE URL [TITLE…]", "send a page to another device", (*browser).sendTab},
	{"tab receive", "", "open and close what other devices sent", (*browser).receive},
}

func (b *browser) listTabs(ctx context.Context, _ []string) error {
	for tab, err := range b.tabs.List(ctx) {
		if err != nil {
			return err
		}
		b.printf("%s %s", tab.URL(), tab.Title)
	}
	for other, err := range b.tabs.Others(ctx) {
		if err != nil {
			return err
		}
		b.printf("%s:", other.Device.Name)
		for _, tab := range other.Tabs {
			b.printf("  %s %s", tab.URL(), tab.Title)
		}
	}
	return nil
}

func (b *browser) closeTab(ctx context.Context, args []string) error {
	return b.tabs.CloseTab(ctx, args[0])
}

func (b *browser) closeTabsOn(ctx context.Context, args []string) error {
	a, device, err := b.otherDevice(ctx, args[0])
	if err != nil {
		return err
	}
	return a.CloseTabs(ctx, device, args[1:])
}

func (b *browser) sendTab(ctx context.Context, args []string) error {
	a, device, err := b.otherDevice(ctx, args[0])
	if err != nil {
		return err
	}
	return a.SendTab(ctx, device, account.Tab{URL: args[1], Title: strings.Join(args[2:], " ")})
}

// otherDevice finds a device of the account by the beginning of its name.
func (b *browser) otherDevice(ctx context.Context, name string) (*account.Account, account.Device, error) {
	a, err := b.account()
	if err != nil {
		return nil, account.Device{}, err
	}
	devices, err := a.Devices(ctx)
	if err != nil {
		return nil, account.Device{}, err
	}
	for _, d := range devices {
		if !d.Current && strings.HasPrefix(d.Name, name) {
			return a, d, nil
		}
	}
	return nil, account.Device{}, fmt.Errorf("there is no other device whose name begins with %q: 'browser devices' lists them", name)
}

// receive fetches the messages of other devices. Those that were kept do not come again.
func (b *browser) receive(ctx context.Context, _ []string) error {
	a, err := b.account()
	if err != nil {
		return err
	}
	return a.Receive(ctx, b.deviceName(), deviceType, func(messages []account.Message) error {
		for _, m := range messages {
			if err := b.carryOut(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// carryOut does what a message asks for.
func (b *browser) carryOut(ctx context.Context, m account.Message) error {
	if m.Tab != nil {
		b.printf("received %s %s", m.Tab.URL, m.Tab.Title)
		return b.visit(ctx, m.Tab.URL, m.Tab.Title, history.Link)
	}
	for _, url := range m.Close {
		err := b.tabs.CloseTab(ctx, url)
		if errors.Is(err, engine.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		b.printf("closed %s", url)
	}
	return nil
}

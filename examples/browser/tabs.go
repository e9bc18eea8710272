package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

var tabCommands = []command{
	{"tabs", "", "the pages open on this device and on the others", (*browser).listTabs},
	{"tab close", "URL", "close a page on this device", (*browser).closeTab},
	{"tab close-on", "DEVICE URL…", "close pages on another device, which the next sync asks", (*browser).closeTabsOn},
	{"tab undo", "DEVICE URL", "keep a page open on another device, before that sync", (*browser).undoClose},
	{"tab pending", "", "what other devices are asked to close", (*browser).pendingCloses},
	{"tab send", "DEVICE URL [TITLE…]", "send a page to another device", (*browser).sendTab},
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

// closeTabsOn closes pages here at once, and elsewhere later: until then the user can undo it.
func (b *browser) closeTabsOn(ctx context.Context, args []string) error {
	other, err := b.tabsOf(ctx, args[0])
	if err != nil {
		return err
	}
	return b.tabs.CloseRemote(ctx, other.Device.ID, args[1:]...)
}

func (b *browser) undoClose(ctx context.Context, args []string) error {
	other, err := b.tabsOf(ctx, args[0])
	if err != nil {
		return err
	}
	return b.tabs.UndoClose(ctx, other.Device.ID, args[1])
}

func (b *browser) pendingCloses(ctx context.Context, _ []string) error {
	pending, err := b.tabs.PendingCloses(ctx)
	for _, p := range pending {
		b.printf("%s on %s, asked: %s", p.URL, p.Device.Name, when(p.SentAt))
	}
	return err
}

// sendCloses asks the other devices to close what the user closed here. In an app with a window
// Manager.Run does it, and gives the user some seconds for an undo.
func (b *browser) sendCloses(ctx context.Context, a *account.Account) error {
	sent, err := b.tabs.SendCloses(ctx, 0, a.CloseTabs)
	if sent.Sent > 0 {
		b.printf("asked other devices to close %d pages", sent.Sent)
	}
	return err
}

// tabsOf finds another device by the beginning of its name, among those that sent their tabs.
func (b *browser) tabsOf(ctx context.Context, name string) (tabs.DeviceTabs, error) {
	for other, err := range b.tabs.Others(ctx) {
		if err != nil {
			return other, err
		}
		if strings.HasPrefix(other.Device.Name, name) {
			return other, nil
		}
	}
	return tabs.DeviceTabs{}, fmt.Errorf("there is no other device with tabs whose name begins with %q: 'browser tabs' lists them", name)
}

func (b *browser) sendTab(ctx context.Context, args []string) error {
	a, err := b.account()
	if err != nil {
		return err
	}
	devices, err := a.Devices(ctx)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if !d.Current && strings.HasPrefix(d.Name, args[0]) {
			return a.SendTab(ctx, d.ID, account.Tab{URL: args[1], Title: strings.Join(args[2:], " ")})
		}
	}
	return fmt.Errorf("there is no other device whose name begins with %q: 'browser devices' lists them", args[0])
}

// received does what other devices ask for. If it fails, the messages come again: a page may then
// be opened twice, which does no harm.
func (b *browser) received(ctx context.Context, messages []message.Message) error {
	for _, m := range messages {
		switch {
		case m.Err != nil:
			b.printf("a message cannot be used: %v", m.Err)
		case m.Tab != nil:
			b.printf("received %s %s", m.Tab.URL, m.Tab.Title)
			if err := b.visit(ctx, m.Tab.URL, m.Tab.Title, history.Visit{}); err != nil {
				return err
			}
		}
		for _, url := range m.Close {
			switch err := b.tabs.CloseTab(ctx, url); {
			case err == nil:
				b.printf("closed %s", url)
			case !errors.Is(err, engine.ErrNotFound): // it is closed already
				return err
			}
		}
	}
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engines/extstorage"
)

var addonCommands = []command{
	{"addon get", "ADDON", "show what an add-on keeps", (*browser).getStorage},
	{"addon set", "ADDON KEY JSON", "set one key of an add-on", (*browser).setStorage},
	{"addon remove", "ADDON KEY…", "remove keys of an add-on", (*browser).removeStorage},
}

// getStorage answers storage.sync.get and getBytesInUse.
func (b *browser) getStorage(ctx context.Context, args []string) error {
	area := b.addons.Of(args[0])
	keys, err := area.Keys(ctx)
	if err != nil {
		return err
	}
	values, err := area.Get(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		b.printf("%s = %s", key, values[key])
	}
	used, err := area.BytesInUse(ctx)
	if err == nil {
		b.printf("%d of %d bytes", used, extstorage.MaxBytes)
	}
	return err
}

// setStorage answers storage.sync.set. An add-on is told which quota it reached.
func (b *browser) setStorage(ctx context.Context, args []string) error {
	changes, err := b.addons.Of(args[0]).Set(ctx, map[string]json.RawMessage{args[1]: json.RawMessage(args[2])})
	if quota, ok := errors.AsType[*extstorage.QuotaError](err); ok {
		return fmt.Errorf("%s: the limit is %d, and this would be %d", quota.Quota, quota.Limit, quota.Size)
	}
	b.printChanges(changes)
	return err
}

// removeStorage answers storage.sync.remove.
func (b *browser) removeStorage(ctx context.Context, args []string) error {
	changes, err := b.addons.Of(args[0]).Remove(ctx, args[1:]...)
	b.printChanges(changes)
	return err
}

// reportAddons tells add-ons what a sync changed of their storage.
func (b *browser) reportAddons() {
	changed, more := b.addons.SyncedChanges()
	for _, addon := range changed {
		b.printf("%s:", addon.ExtID)
		b.printChanges(addon.Keys)
	}
	if more {
		b.printf("more was changed: each add-on has to read its storage")
	}
}

// printChanges prints what storage.onChanged tells the add-on.
func (b *browser) printChanges(changes []extstorage.KeyChange) {
	for _, c := range changes {
		old, now := "nothing", "nothing"
		if c.Old != nil {
			old = string(c.Old)
		}
		if c.New != nil {
			now = string(c.New)
		}
		b.printf("%s: %s → %s", c.Key, old, now)
	}
}

package firefoxsync

import (
	"context"
	"fmt"
)

// Tab is an open tab.
type Tab struct {
	URL, Title string
}

// Tabs lists the tabs of Firefox's newest window, from left to right.
func (ff *Firefox) Tabs(ctx context.Context) ([]Tab, error) {
	var tabs []Tab
	if err := ff.run(ctx, &tabs, `
		return gBrowser.tabs.map(t => ({ url: t.linkedBrowser.currentURI.spec, title: t.label }));`); err != nil {
		return nil, fmt.Errorf("listing Firefox's tabs: %w", err)
	}
	return tabs, nil
}

// OpenTab opens url in a new tab in front, and waits until it has loaded. A page
// that cannot be reached counts as loaded: the tab keeps its address.
func (ff *Firefox) OpenTab(ctx context.Context, url string) error {
	if err := ff.run(ctx, nil, `
		const tab = gBrowser.addTab("about:blank", {
			triggeringPrincipal: Services.scriptSecurityManager.getSystemPrincipal() });
		gBrowser.selectedTab = tab;
		const uri = Services.io.newURI(args[0]);
		await new Promise(resolve => {
			const done = Ci.nsIWebProgressListener.STATE_STOP | Ci.nsIWebProgressListener.STATE_IS_NETWORK;
			const listener = {
				onStateChange(browser, _progress, request, flags) {
					const about = request instanceof Ci.nsIChannel ? request.originalURI : null;
					if (browser == tab.linkedBrowser && (flags & done) == done && about?.equals(uri)) {
						gBrowser.removeTabsProgressListener(listener);
						resolve();
					}
				},
			};
			gBrowser.addTabsProgressListener(listener);
			tab.linkedBrowser.loadURI(uri, {
				triggeringPrincipal: Services.scriptSecurityManager.getSystemPrincipal() });
		});`, url); err != nil {
		return fmt.Errorf("opening a tab in Firefox: %w", err)
	}
	return nil
}

// CloseTab closes the tabs that show url. The window stays open, with an empty
// tab if need be.
func (ff *Firefox) CloseTab(ctx context.Context, url string) error {
	if err := ff.run(ctx, nil, `
		const found = gBrowser.tabs.filter(t => t.linkedBrowser.currentURI.spec == args[0]);
		if (!found.length) {
			throw new Error("no tab shows " + args[0]);
		}
		if (found.length == gBrowser.tabs.length) {
			gBrowser.addTab("about:blank", {
				triggeringPrincipal: Services.scriptSecurityManager.getSystemPrincipal() });
		}
		for (const tab of found) {
			gBrowser.removeTab(tab, { animate: false });
		}`, url); err != nil {
		return fmt.Errorf("closing a tab in Firefox: %w", err)
	}
	return nil
}

// RemoteTabs is another device with its open tabs, as Firefox shows it.
type RemoteTabs struct {
	// ID is the device's ID in clients.
	ID string
	// Name and Type are what Firefox shows: Type is "desktop", "tablet" or "phone".
	Name string
	Type string `json:"clientType"`
	Tabs []RemoteTab
}

// RemoteTab is a tab of another device.
type RemoteTab struct {
	URL, Title, Icon string
	// LastUsed is seconds since 1970.
	LastUsed float64
	Inactive bool
}

// RemoteTabs lists the other devices' tabs as the last sync brought them.
// Devices without a tabs record are not in it.
func (ff *Firefox) RemoteTabs(ctx context.Context) ([]RemoteTabs, error) {
	var devices []RemoteTabs
	if err := ff.run(ctx, &devices, `
		const { SyncedTabs } = ChromeUtils.importESModule("resource://services-sync/SyncedTabs.sys.mjs");
		return SyncedTabs.getTabClients();`); err != nil {
		return nil, fmt.Errorf("listing the other devices' tabs in Firefox: %w", err)
	}
	return devices, nil
}

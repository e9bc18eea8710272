package firefoxsync

import (
	"context"
	"fmt"
)

// SendTab sends a page to another device, by its ID with the accounts server.
func (ff *Firefox) SendTab(ctx context.Context, device string, tab Tab) error {
	if err := ff.run(ctx, nil, `
		await fxAccounts.device.refreshDeviceList({ ignoreCached: true });
		const to = fxAccounts.device.recentDeviceList.filter(d => d.id == args[0]);
		const { failed, succeeded } = await fxAccounts.commands.sendTab.send(to, { url: args[1], title: args[2], private: false });
		if (failed.length || succeeded.length != 1) {
			throw failed[0]?.error ?? new Error("there is no such device");
		}`, device, tab.URL, tab.Title); err != nil {
		return fmt.Errorf("sending a tab from Firefox: %w", err)
	}
	return nil
}

// SendCloseTabs asks another device to close pages.
func (ff *Firefox) SendCloseTabs(ctx context.Context, device string, urls ...string) error {
	if err := ff.run(ctx, nil, `
		await fxAccounts.device.refreshDeviceList({ ignoreCached: true });
		const to = fxAccounts.device.recentDeviceList.find(d => d.id == args[0]);
		if (!await fxAccounts.commands.closeTab.sendCloseTabsCommand(to, args[1], "flow")) {
			throw new Error("Firefox could not send it");
		}`, device, urls); err != nil {
		return fmt.Errorf("closing tabs from Firefox: %w", err)
	}
	return nil
}

// ReceiveTab makes Firefox fetch what other devices sent, and waits until it has loaded the
// page.
func (ff *Firefox) ReceiveTab(ctx context.Context, url string) error {
	if err := ff.run(ctx, nil, `
		const uri = Services.io.newURI(args[0]);
		const loaded = new Promise(resolve => {
			const done = Ci.nsIWebProgressListener.STATE_STOP | Ci.nsIWebProgressListener.STATE_IS_NETWORK;
			const listener = {
				onStateChange(_browser, _progress, request, flags) {
					const about = request instanceof Ci.nsIChannel ? request.originalURI : null;
					if ((flags & done) == done && about?.equals(uri)) {
						gBrowser.removeTabsProgressListener(listener);
						resolve();
					}
				},
			};
			gBrowser.addTabsProgressListener(listener);
		});
		await fxAccounts.commands.pollDeviceCommands();
		await loaded;`, url); err != nil {
		return fmt.Errorf("receiving a tab in Firefox: %w", err)
	}
	return nil
}

// ReceiveCloseTab makes Firefox fetch what other devices sent, and waits until it has closed
// the page.
func (ff *Firefox) ReceiveCloseTab(ctx context.Context, url string) error {
	if err := ff.run(ctx, nil, `
		const closed = new Promise(resolve => {
			const listener = event => {
				if (event.target.linkedBrowser.currentURI.spec == args[0]) {
					gBrowser.tabContainer.removeEventListener("TabClose", listener);
					resolve();
				}
			};
			gBrowser.tabContainer.addEventListener("TabClose", listener);
		});
		await fxAccounts.commands.pollDeviceCommands();
		await closed;`, url); err != nil {
		return fmt.Errorf("closing a tab in Firefox for another device: %w", err)
	}
	return nil
}

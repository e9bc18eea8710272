package firefoxsync

import (
	"context"
	"fmt"
)

// Addon is an add-on that Firefox has in its profile.
type Addon struct {
	ID string `json:"id"`
	// GUID is that of its record.
	GUID    string `json:"guid"`
	Enabled bool   `json:"enabled"`
}

const addonFunctions = `
const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
const { FileUtils } = ChromeUtils.importESModule("resource://gre/modules/FileUtils.sys.mjs");
const installed = async id => {
	const addon = await AddonManager.getAddonByID(id);
	if (!addon) {
		throw new Error("no add-on has the ID " + id);
	}
	return addon;
};
`

// Addons lists the add-ons that Firefox syncs, sorted by ID.
func (ff *Firefox) Addons(ctx context.Context) ([]Addon, error) {
	var addons []Addon
	if err := ff.run(ctx, &addons, addonFunctions+`
		return (await AddonManager.getAllAddons()).filter(a => a.isSyncable)
			.map(({ id, syncGUID, userDisabled }) => ({ id, guid: syncGUID, enabled: !userDisabled }))
			.sort((a, b) => a.id < b.id ? -1 : 1);`); err != nil {
		return nil, fmt.Errorf("listing Firefox's add-ons: %w", err)
	}
	return addons, nil
}

// InstallAddon installs the add-on in an XPI file. Firefox must have been started
// with the preference xpinstall.signatures.required set to false.
func (ff *Firefox) InstallAddon(ctx context.Context, file string) error {
	if err := ff.run(ctx, nil, addonFunctions+`
		const install = await AddonManager.getInstallForFile(new FileUtils.File(args[0]));
		await install.install();`, file); err != nil {
		return fmt.Errorf("installing an add-on in Firefox: %w", err)
	}
	return nil
}

// InstallTemporaryAddon installs the add-on in an XPI file until Firefox ends. Such an add-on
// is never synced, but its storage is.
func (ff *Firefox) InstallTemporaryAddon(ctx context.Context, file string) error {
	if err := ff.run(ctx, nil, addonFunctions+`
		await AddonManager.installTemporaryAddon(new FileUtils.File(args[0]));`, file); err != nil {
		return fmt.Errorf("installing an add-on in Firefox: %w", err)
	}
	return nil
}

// EnableAddon enables or disables an add-on, as the add-ons manager does.
func (ff *Firefox) EnableAddon(ctx context.Context, id string, enabled bool) error {
	if err := ff.run(ctx, nil, addonFunctions+`
		const addon = await installed(args[0]);
		await (args[1] ? addon.enable() : addon.disable());`, id, enabled); err != nil {
		return fmt.Errorf("enabling an add-on in Firefox: %w", err)
	}
	return nil
}

// UninstallAddon removes an add-on.
func (ff *Firefox) UninstallAddon(ctx context.Context, id string) error {
	if err := ff.run(ctx, nil, addonFunctions+`
		await (await installed(args[0])).uninstall();`, id); err != nil {
		return fmt.Errorf("uninstalling an add-on from Firefox: %w", err)
	}
	return nil
}

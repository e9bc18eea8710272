package firefoxsync

import (
	"context"
	"fmt"
)

// Client is another device as its record in the clients collection shows it to Firefox.
type Client struct {
	// ID is the record's ID.
	ID string
	// Name, Type, OS, Application and Version are what the record says.
	Name, Type, OS, Application, Version string
	// DeviceID is the device's ID with the accounts server.
	DeviceID string `json:"fxaDeviceId"`
}

// Clients lists the other devices that Firefox found in the clients collection at its last
// sync, without those that it considers stale.
func (ff *Firefox) Clients(ctx context.Context) ([]Client, error) {
	var clients []Client
	if err := ff.run(ctx, &clients, `return Weave.Service.clientsEngine.remoteClients;`); err != nil {
		return nil, fmt.Errorf("listing Firefox's clients: %w", err)
	}
	return clients, nil
}

// ClientID is the ID of Firefox's own record in the clients collection, and of
// its record in tabs.
func (ff *Firefox) ClientID(ctx context.Context) (string, error) {
	var id string
	if err := ff.run(ctx, &id, `return Weave.Service.clientsEngine.localID;`); err != nil {
		return "", fmt.Errorf("reading Firefox's client ID: %w", err)
	}
	return id, nil
}

// Device is a device of the account as the accounts server lists it to Firefox.
type Device struct {
	ID, Name, Type string
	// Current is true for this Firefox.
	Current bool `json:"isCurrentDevice"`
	// Commands are what the device takes (send tab and the like), by name.
	Commands map[string]string `json:"availableCommands"`
}

// Devices asks the accounts server for the account's devices, this one included.
func (ff *Firefox) Devices(ctx context.Context) ([]Device, error) {
	var devices []Device
	if err := ff.run(ctx, &devices, `
		await fxAccounts.device.refreshDeviceList({ ignoreCached: true });
		return fxAccounts.device.recentDeviceList;`); err != nil {
		return nil, fmt.Errorf("listing the account's devices in Firefox: %w", err)
	}
	return devices, nil
}

// DeviceName is what this Firefox calls itself.
func (ff *Firefox) DeviceName(ctx context.Context) (string, error) {
	var name string
	if err := ff.run(ctx, &name, `return fxAccounts.device.getLocalName();`); err != nil {
		return "", fmt.Errorf("reading Firefox's device name: %w", err)
	}
	return name, nil
}

// SetDeviceName renames this Firefox, with the accounts server too if it is
// signed in. Its record in clients follows with the next sync.
func (ff *Firefox) SetDeviceName(ctx context.Context, name string) error {
	if err := ff.run(ctx, nil, `
		fxAccounts.device.setLocalName(args[0]);
		await fxAccounts.updateDeviceRegistration();`, name); err != nil {
		return fmt.Errorf("renaming Firefox: %w", err)
	}
	return nil
}

package api

import (
	"context"
	"time"

	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/engine"
)

// Device is a device of the account.
type Device struct {
	ID   engine.ID `json:"id"`
	Name string    `json:"name"`
	// Type is "desktop", "mobile", "tablet", "tv", "vr" or another word.
	Type        string `json:"type"`
	Application string `json:"application,omitempty"`
	OS          string `json:"os,omitempty"`
	Version     string `json:"version,omitempty"`
	// Seen is when the device last wrote its record; absent: not known.
	Seen time.Time `json:"seen,omitzero"`
	// Local is true for this device.
	Local bool `json:"local,omitempty"`
}

// Devices lists devices.
type Devices struct {
	Devices []Device `json:"devices"`
}

// DeviceID names a device.
type DeviceID struct {
	Device engine.ID `json:"device" bound:"1..64"`
}

// Rename has a name.
type Rename struct {
	Name string `json:"name" bound:"1..255"`
}

// SendTab is a page for another device.
type SendTab struct {
	DeviceID
	URL   string `json:"url" bound:"1..65536"`
	Title string `json:"title,omitempty" bound:"0..4096"`
	// Private asks for a private window.
	Private bool `json:"private,omitempty"`
}

// ReceivedPage is a page that another device sent to this one.
type ReceivedPage struct {
	Title   string `json:"title"`
	URL     string `json:"url"`
	Private bool   `json:"private,omitempty"`
	// From is the name of the device that sent it, if it is known.
	From       string    `json:"from,omitempty"`
	ReceivedAt time.Time `json:"receivedAt"`
}

// ReceivedPages lists them.
type ReceivedPages struct {
	Pages []ReceivedPage `json:"pages"`
}

func deviceVerbs() []*Verb {
	whole := Needs{Write: true, Account: true}
	return []*Verb{
		value("devices.list", "Lists the account's devices, as of the last sync.", Needs{}, devices),
		action("devices.rename", "Renames this device; the others see it after the next sync.", whole,
			func(ctx context.Context, c *call, q Rename) error { return c.home.RenameDevice(ctx, q.Name) }),
		action("devices.forget", "Signs another device out of the account.", whole,
			func(ctx context.Context, c *call, q DeviceID) error {
				d, err := findDevice(ctx, c, q.Device)
				if err != nil {
					return err
				}
				return c.home.Forget(ctx, d)
			}),
		action("devices.sendTab", "Sends a page to another device, which opens it.", Needs{Write: true, Engines: []string{"tabs"}},
			func(ctx context.Context, c *call, q SendTab) error {
				d, err := findDevice(ctx, c, q.Device)
				if err != nil {
					return err
				}
				page := message.Tab{Title: q.Title, URL: q.URL, Private: q.Private}
				if page.Title == "" {
					page.Title = page.URL
				}
				return c.home.SendTab(ctx, d, page)
			}),
		value("messages.list", "Lists the pages that other devices sent to this one, in the order of their arrival.", Needs{Engines: []string{"tabs"}},
			func(ctx context.Context, c *call, _ Empty) (ReceivedPages, error) {
				pages, err := c.home.Received(ctx)
				return ReceivedPages{append([]ReceivedPage{}, pages...)}, err
			}),
		action("messages.clear", "Deletes the pages that other devices sent.", Needs{Write: true, Engines: []string{"tabs"}},
			func(ctx context.Context, c *call, _ Empty) error { return c.home.ClearReceived(ctx) }),
	}
}

func devices(ctx context.Context, c *call, _ Empty) (Devices, error) {
	m, err := c.home.Manager(ctx)
	if err != nil {
		return Devices{}, err
	}
	out := Devices{[]Device{}}
	for _, d := range m.Devices() {
		out.Devices = append(out.Devices, deviceOf(d))
	}
	return out, nil
}

func deviceOf(d engine.Device) Device {
	out := Device{ID: d.ID, Name: d.Name, Type: d.Type, Application: d.Application, OS: d.OS, Version: d.Version, Local: d.Local}
	if d.Modified > 0 {
		out.Seen = d.Modified.Time().UTC()
	}
	return out
}

// findDevice returns one of the account's other devices.
func findDevice(ctx context.Context, c *call, id engine.ID) (engine.Device, error) {
	m, err := c.home.Manager(ctx)
	if err != nil {
		return engine.Device{}, err
	}
	for _, d := range m.Devices() {
		switch {
		case d.ID != id:
		case d.Local:
			return d, invalidf("device", "this is the device itself; name another one")
		default:
			return d, nil
		}
	}
	return engine.Device{}, &Error{Code: CodeNotFound, Field: "device", Message: "the account has no such device, as of the last sync"}
}

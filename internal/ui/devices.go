package ui

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/engine"
)

func showDevices(ctx context.Context, q *request) (view, error) {
	list, err := call[api.Devices](ctx, q, "devices.list", nil)
	return view{Title: "Devices", Data: list.Devices}, err
}

// device returns a device of the account.
func device(ctx context.Context, q *request, id engine.ID) (api.Device, error) {
	list, err := call[api.Devices](ctx, q, "devices.list", nil)
	if err != nil {
		return api.Device{}, err
	}
	for _, d := range list.Devices {
		if d.ID == id {
			return d, nil
		}
	}
	return api.Device{}, &api.Error{Code: api.CodeNotFound, Message: "the account does not have this device any more"}
}

func actRename(ctx context.Context, q *request) (string, error) {
	err := act(ctx, q, "devices.rename", api.Rename{Name: q.form.Get("name")})
	if err == nil {
		q.of.say(notice{Text: "Renamed. The other devices see it after the next sync."})
	}
	return "devices", err
}

func actSendTab(ctx context.Context, q *request) (string, error) {
	id := engine.ID(q.form.Get("device"))
	d, err := device(ctx, q, id)
	if err == nil {
		err = act(ctx, q, "devices.sendTab", api.SendTab{DeviceID: api.DeviceID{Device: id}, URL: q.form.Get("url"), Title: q.form.Get("title")})
	}
	if err == nil {
		q.of.say(notice{Text: fmt.Sprintf("Sent to %s.", d.Name)})
	}
	return "devices", err
}

// showDisconnect asks before a device is signed out.
func showDisconnect(ctx context.Context, q *request) (view, error) {
	d, err := device(ctx, q, q.id("device"))
	return view{Title: "Disconnect " + d.Name + "?", Under: "devices", Data: d}, err
}

func actDisconnect(ctx context.Context, q *request) (string, error) {
	id := engine.ID(q.form.Get("device"))
	d, err := device(ctx, q, id)
	if err == nil {
		err = act(ctx, q, "devices.forget", api.DeviceID{Device: id})
	}
	if err == nil {
		q.of.say(notice{Text: fmt.Sprintf("%s is signed out of the account.", d.Name)})
	}
	return "devices", err
}

package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/internal/sendtab"
)

// Device is a device of the account.
type Device struct {
	ID      string
	Name    string
	Type    string // "desktop", "mobile", "tablet", …
	Current bool   // it is this one
	// LastSeen is when it last used the accounts server; zero if unknown.
	LastSeen time.Time
	// TakesTabs and ClosesTabs say which messages it accepts.
	TakesTabs, ClosesTabs bool
	// PushExpired means that its push subscription ended. If it is this device, the app
	// subscribes again and calls [Account.SetPushSubscription].
	PushExpired bool

	commands map[string]string
}

// DeviceID returns the ID of this device, or "" before [Account.RegisterDevice].
func (a *Account) DeviceID() string { return a.Session().kept.DeviceID }

// RegisterDevice registers this device with the account: its name, its type ("desktop" or
// "mobile"), and that others may send it pages. Called again, it changes them.
func (a *Account) RegisterDevice(ctx context.Context, name, kind string) error {
	const doing = "register this device"
	if err := a.take(ctx); err != nil {
		return err
	}
	defer a.giveBack()
	in, err := a.abilities()
	if err != nil {
		return fmt.Errorf("cannot %s: %w", doing, err)
	}
	in["name"], in["type"] = name, kind
	return a.device(ctx, doing, in)
}

// abilities returns the fields of this device's entry that say what it accepts: messages of other
// devices, and push messages if it has a subscription.
func (a *Account) abilities() (map[string]any, error) {
	commands, err := a.available()
	if err != nil {
		return nil, err
	}
	in := map[string]any{}
	if push := a.Session().kept.Push; push != nil {
		if in, err = push.fields(); err != nil {
			return nil, err
		}
	}
	in["availableCommands"] = commands
	return in, nil
}

// RenameDevice changes the name that other devices see.
func (a *Account) RenameDevice(ctx context.Context, name string) error {
	if err := a.take(ctx); err != nil {
		return err
	}
	defer a.giveBack()
	return a.device(ctx, "rename this device", map[string]any{"name": name})
}

// device changes this device's entry; the caller has the turn.
func (a *Account) device(ctx context.Context, doing string, in map[string]any) error {
	var got struct {
		ID string `json:"id"`
	}
	post := func(id string) error {
		delete(in, "id")
		if id != "" {
			in["id"] = id
		}
		return a.do(ctx, doing, http.MethodPost, "/account/device", in, &got)
	}
	known := a.DeviceID()
	err := post(known)
	if e, ok := errors.AsType[*Error](err); ok {
		switch {
		case e.Errno == errnoNoDevice && known != "":
			// It was removed from elsewhere. The new entry gets all that the old one had.
			all, err2 := a.abilities()
			if err2 != nil {
				return fmt.Errorf("cannot %s: %w", doing, err2)
			}
			maps.Copy(all, in)
			in = all
			err = post("")
		case e.Errno == errnoConflict && e.deviceID != "":
			err = post(e.deviceID) // the answer to an earlier request was lost
		}
	}
	if err != nil {
		return err
	}
	if got.ID == "" {
		return fmt.Errorf("cannot %s: %w: it has no id", doing, ErrBadAnswer)
	}
	if got.ID == known {
		return nil
	}
	// Messages are counted from the start for a device that is new.
	return a.change(func(s *Session) { s.kept.DeviceID, s.kept.CommandIndex = got.ID, 0 })
}

// Devices lists the account's devices.
func (a *Account) Devices(ctx context.Context) ([]Device, error) {
	var got []struct {
		ID       string            `json:"id"`
		Name     string            `json:"name"`
		Type     string            `json:"type"`
		Current  bool              `json:"isCurrentDevice"`
		LastSeen float64           `json:"lastAccessTime"` // ms
		Commands map[string]string `json:"availableCommands"`
		Expired  bool              `json:"pushEndpointExpired"`
	}
	if err := a.do(ctx, "list the account's devices", http.MethodGet, "/account/devices", nil, &got); err != nil {
		return nil, err
	}
	list := make([]Device, len(got))
	for i, d := range got {
		list[i] = Device{ID: d.ID, Name: d.Name, Type: d.Type, Current: d.Current, LastSeen: moment(d.LastSeen), PushExpired: d.Expired, commands: d.Commands}
		_, list[i].TakesTabs = d.Commands[sendtab.OpenURI]
		_, list[i].ClosesTabs = d.Commands[sendtab.CloseURI]
	}
	return list, nil
}

// DeviceIDs lists the IDs of the account's devices.
func (a *Account) DeviceIDs(ctx context.Context) ([]string, error) {
	list, err := a.Devices(ctx)
	ids := make([]string, len(list))
	for i, d := range list {
		ids[i] = d.ID
	}
	return ids, err
}

// noticeLife is how long a push service keeps a notice for devices that are named, in seconds.
const noticeLife = 3600

// Notify tells devices of the account that collections changed, by push: those with these IDs, which hear it within an hour, or else all
// others that run now. A Firefox acts on "clients" alone: it syncs the list of devices, and carries out commands that wait there.
// Other collections are for apps, whose manager syncs them ([github.com/syncmanager/syncmanager.Manager.HandlePush]).
func (a *Account) Notify(ctx context.Context, collections []string, devices ...string) error {
	in := map[string]any{
		"to": "all", "TTL": 0,
		"payload": map[string]any{
			"version": 1, "command": "sync:collection_changed", "data": map[string]any{"collections": collections},
		},
	}
	if len(devices) > 0 {
		in["to"], in["TTL"] = devices, noticeLife
	} else if id := a.DeviceID(); id != "" {
		in["excluded"] = []string{id}
	}
	return a.do(ctx, "notify the other devices", http.MethodPost, "/account/devices/notify", in, nil)
}

// SignOut ends the session on the server, removes this device from the account, and revokes
// the access tokens. A session that has ended already is not an error.
func (a *Account) SignOut(ctx context.Context) error {
	err := a.do(ctx, "sign out", http.MethodPost, "/session/destroy", struct{}{}, nil)
	if err != nil && !errors.Is(err, ErrSignedOut) {
		return err
	}
	a.revokeTokens(ctx)
	return nil
}

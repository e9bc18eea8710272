package devices

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/publicname"
	"github.com/syncmanager/syncmanager/server/security"
)

// These bound what is stored for a device.
const (
	// maxDeviceCommands is how many kinds of commands a device takes, and the others
	// are the lengths of a kind's name and value, in bytes.
	maxDeviceCommands = 16
	maxCommandName    = 255
	maxCommandValue   = 4096
	// maxPushKey is the length of each key of a push subscription as text, in bytes.
	maxPushKey = 128
)

// Handlers answers the requests about devices, about the commands that they send each
// other, and about all that is signed in.
type Handlers struct {
	DB       store.Store
	Auth     *auth.Authenticator
	Notifier *Notifier
	URLs     publicname.Names
	Now      func() time.Time
	Rand     io.Reader
	Security *security.Log // may be nil
}

// device is a device as clients send it and see it.
type device struct {
	ID            string            `json:"id"`
	Name          *string           `json:"name,omitempty"`
	Type          *string           `json:"type,omitempty"`
	PushCallback  *string           `json:"pushCallback,omitempty"`
	PushPublicKey *string           `json:"pushPublicKey,omitempty"`
	PushAuthKey   *string           `json:"pushAuthKey,omitempty"`
	Commands      map[string]string `json:"availableCommands,omitempty"`
}

// check refuses a field that is malformed or too long.
func (d *device) check() error {
	switch {
	case d.ID != "" && !validID(d.ID):
		return fault.Invalid("id")
	case !absentOr(d.Name, validName):
		return fault.Invalid("name")
	case !absentOr(d.Type, atMost(16)):
		return fault.Invalid("type")
	case !absentOr(d.PushPublicKey, atMost(maxPushKey)):
		return fault.Invalid("pushPublicKey")
	case !absentOr(d.PushAuthKey, atMost(maxPushKey)):
		return fault.Invalid("pushAuthKey")
	case !absentOr(d.PushCallback, validCallback):
		return fault.Invalid("pushCallback")
	case !validCommands(d.Commands):
		return fault.Invalid("availableCommands")
	}
	return nil
}

// absentOr reports whether a field was not sent, or is valid.
func absentOr(field *string, valid func(string) bool) bool { return field == nil || valid(*field) }

// atMost is for texts of at most n bytes.
func atMost(n int) func(string) bool {
	return func(text string) bool { return len(text) <= n }
}

func validID(id string) bool {
	_, ok := api.Unhex(id, 16)
	return ok
}

func validName(name string) bool {
	return name != "" && utf8.RuneCountInString(name) <= 255 && !strings.ContainsFunc(name, unicode.IsControl)
}

// validCallback takes "" too, which ends a subscription.
func validCallback(address string) bool {
	if address == "" {
		return true
	}
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && len(address) <= 255
}

func validCommands(commands map[string]string) bool {
	for name, value := range commands {
		if len(name) > maxCommandName || len(value) > maxCommandValue {
			return false
		}
	}
	return len(commands) <= maxDeviceCommands
}

// Register makes the caller's device, or changes it: what is not sent stays.
func (h *Handlers) Register(r *api.Request) (any, error) {
	a, err := h.Auth.Caller(r)
	if err != nil {
		return nil, err
	}
	var in device
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.ID != "" && a.Device != "" && in.ID != a.Device {
		return nil, fault.ErrDeviceConflict.With(fault.Details{DeviceID: a.Device})
	}
	ctx := r.Context()
	var out seenDevice
	err = h.Auth.UpdateBy(ctx, a, func(tx store.Tx) (err error) {
		out, err = h.put(tx, a, &in)
		return err
	})
	if err == nil && a.Device == "" {
		h.Security.Note(ctx, security.NewDevice, security.Registered, r.RemoteAddr, a.UID)
		others := h.Notifier.Listeners(ctx, a.UID, func(device string) bool { return device != out.ID })
		h.Notifier.Tell(ctx, others, Connected(out.Name))
	}
	return out, err
}

// put changes the caller's device, which it makes if there is none.
func (h *Handlers) put(tx store.Tx, a *auth.Caller, in *device) (out seenDevice, err error) {
	id := a.Device
	switch {
	case id == "" && in.ID == "":
		if id, err = h.add(tx, a); err != nil {
			return out, err
		}
	case id == "":
		// A device whose session ended went with it.
		return out, fault.ErrUnknownDevice
	}
	change, err := in.change()
	if err != nil {
		return out, err
	}
	if _, err := tx.ChangeDevice(a.UID, id, change); err != nil {
		return out, err
	}
	d, err := tx.Device(a.UID, id)
	if err != nil {
		return out, err
	}
	return see(d), nil
}

func (h *Handlers) add(tx store.Tx, a *auth.Caller) (string, error) {
	id, err := random.Hex(h.Rand, 16)
	if err != nil {
		return "", err
	}
	return id, tx.AddDevice(&store.Device{
		ID: id, UID: a.UID, Session: a.Session, Refresh: a.Refresh, Type: "desktop", Commands: "{}", CreatedAt: h.Now().UnixMilli(),
	})
}

// change is what a device that was sent changes.
func (d *device) change() (store.DeviceChange, error) {
	c := store.DeviceChange{
		Name: d.Name, Type: d.Type, PushCallback: d.PushCallback, PushPublicKey: d.PushPublicKey, PushAuthKey: d.PushAuthKey,
	}
	if d.Commands != nil {
		b, err := json.Marshal(d.Commands)
		if err != nil {
			return c, err
		}
		text := string(b)
		c.Commands = &text
	}
	return c, nil
}

// seenDevice is a device as clients see it. What it has no push subscription for is
// absent, not null: Firefox takes null for a subscription that was lost, and
// subscribes again and again.
type seenDevice struct {
	ID            string          `json:"id"`
	Name          string          `json:"name"`
	Type          string          `json:"type"`
	CreatedAt     int64           `json:"createdAt"`
	UsedAt        int64           `json:"lastAccessTime"`
	Commands      json.RawMessage `json:"availableCommands"`
	PushExpired   bool            `json:"pushEndpointExpired"`
	Location      struct{}        `json:"location"`
	PushCallback  string          `json:"pushCallback,omitempty"`
	PushPublicKey string          `json:"pushPublicKey,omitempty"`
	PushAuthKey   string          `json:"pushAuthKey,omitempty"`
}

// listedDevice is one in a list, which says whether it is the one that asks.
type listedDevice struct {
	seenDevice
	Current bool `json:"isCurrentDevice"`
}

func see(d *store.Device) seenDevice {
	return seenDevice{
		ID: d.ID, Name: d.Name, Type: d.Type, CreatedAt: d.CreatedAt, UsedAt: d.UsedAt,
		Commands: json.RawMessage(d.Commands), PushExpired: d.PushExpired,
		PushCallback: d.Push.Callback, PushPublicKey: d.Push.PublicKey, PushAuthKey: d.Push.AuthKey,
	}
}

// List answers with the account's devices.
func (h *Handlers) List(r *api.Request) (any, error) {
	a, err := h.Auth.Caller(r)
	if err != nil {
		return nil, err
	}
	var since int64
	if text := r.URL.Query().Get("filterIdleDevicesTimestamp"); text != "" {
		if since, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, fault.Invalid("filterIdleDevicesTimestamp")
		}
	}
	all, err := h.DB.Read(r.Context()).Devices(a.UID)
	if err != nil {
		return nil, err
	}
	list := []listedDevice{}
	for _, d := range all {
		if current := d.ID == a.Device; current || d.UsedAt >= since {
			list = append(list, listedDevice{see(&d), current})
		}
	}
	return list, nil
}

// Rename gives a device of the account another name, for a settings page, which is not a device
// itself. Other accounts servers do not have this endpoint: there only a device can rename
// itself.
func (h *Handlers) Rename(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		ID   string  `json:"id"`
		Name *string `json:"name"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if in.Name == nil {
		return nil, fault.Missing("name")
	}
	if err := (&device{ID: in.ID, Name: in.Name}).check(); err != nil {
		return nil, err
	}
	return api.Nothing, h.Auth.UpdateBy(r.Context(), c, func(tx store.Tx) error {
		known, err := tx.ChangeDevice(c.UID, in.ID, store.DeviceChange{Name: in.Name})
		if err == nil && !known {
			err = fault.ErrUnknownDevice
		}
		return err
	})
}

// Destroy removes a device of the account, and signs it out.
func (h *Handlers) Destroy(r *api.Request) (any, error) {
	a, err := h.Auth.Caller(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		ID string `json:"id"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	return api.Nothing, h.remove(r.Context(), a, a.UID, in.ID)
}

// remove ends a device with all that was given together with its token.
func (h *Handlers) remove(ctx context.Context, by auth.Holder, uid, id string) error {
	// The removed device is notified too, for the last time.
	listeners := h.Notifier.Listeners(ctx, uid, Every)
	err := h.Auth.UpdateBy(ctx, by, func(tx store.Tx) error {
		session, refresh, err := tx.RemoveDevice(uid, id)
		if errors.Is(err, store.ErrNotFound) {
			return fault.ErrUnknownDevice
		}
		if err != nil {
			return err
		}
		return auth.EndTogether(tx, uid, session, refresh)
	})
	if err == nil {
		h.Notifier.Tell(ctx, listeners, Disconnected(id))
	}
	return err
}

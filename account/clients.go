package account

import (
	"cmp"
	"context"
	"net/http"
	"time"
)

// AttachedClient is something that is signed in to the account: a device, a browser that
// shows the settings, or an app with a token.
type AttachedClient struct {
	// Name is the name of the device or app, or else its user agent.
	Name string
	// DeviceID is "" if it is not a device.
	DeviceID string
	// Scope lists what an app may do; nil means everything, or unknown.
	Scope   []string
	Current bool // it is this one
	// CreatedAt is when it signed in, and LastSeen when it last used the accounts server;
	// zero if unknown.
	CreatedAt, LastSeen time.Time
}

// AttachedClients lists the devices and apps that are signed in to the account.
func (a *Account) AttachedClients(ctx context.Context) ([]AttachedClient, error) {
	var got []struct {
		Name      string   `json:"name"`
		UserAgent string   `json:"userAgent"`
		DeviceID  string   `json:"deviceId"`
		Scope     []string `json:"scope"`
		Current   bool     `json:"isCurrentSession"`
		CreatedAt float64  `json:"createdTime"`    // ms
		LastSeen  float64  `json:"lastAccessTime"` // ms
	}
	if err := a.do(ctx, "list what is signed in to the account", http.MethodGet, "/account/attached_clients", nil, &got); err != nil {
		return nil, err
	}
	list := make([]AttachedClient, len(got))
	for i, c := range got {
		list[i] = AttachedClient{
			Name: cmp.Or(c.Name, c.UserAgent), DeviceID: c.DeviceID, Scope: c.Scope, Current: c.Current,
			CreatedAt: moment(c.CreatedAt), LastSeen: moment(c.LastSeen),
		}
	}
	return list, nil
}

// moment converts a time in milliseconds; zero if there is none.
func moment(ms float64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// Disconnect signs a device of the account out.
func (a *Account) Disconnect(ctx context.Context, d Device) error {
	return a.do(ctx, "sign out "+d.Name, http.MethodPost, "/account/device/destroy", map[string]string{"id": d.ID}, nil)
}

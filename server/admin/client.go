package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// Client sends requests to a [Handler]. It implements [Admin].
type Client struct{ transport http.RoundTripper }

// NewClient returns a client of the server that transport connects to; see [Dial].
func NewClient(transport http.RoundTripper) *Client { return &Client{transport} }

// failed is an error that the server returned.
type failed struct {
	text string
	kind error
}

func (f *failed) Error() string { return f.text }
func (f *failed) Unwrap() error { return f.kind }

func (c *Client) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	u := url.URL{Scheme: "http", Host: "admin", Path: path, RawQuery: query.Encode()}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), &body)
	if err != nil {
		return err
	}
	res, err := c.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("cannot reach the running server: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		var f failure
		if err := json.NewDecoder(res.Body).Decode(&f); err != nil || f.Error == "" {
			return fmt.Errorf("the running server answers %s: restart it if it is of another version", res.Status)
		}
		return &failed{f.Error, kinds[f.Kind]}
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("cannot read the running server's answer: %w", err)
	}
	return nil
}

func who(user string) url.Values { return url.Values{"who": {user}} }

// Health implements [Admin].
func (c *Client) Health(ctx context.Context) (h server.Health, err error) {
	return h, c.do(ctx, http.MethodGet, "/health", nil, nil, &h)
}

// Users implements [Admin].
func (c *Client) Users(ctx context.Context) (all []server.User, err error) {
	return all, c.do(ctx, http.MethodGet, "/users", nil, nil, &all)
}

// AddUser implements [Admin].
func (c *Client) AddUser(ctx context.Context, email string, by accounts.Credentials) (u server.User, err error) {
	return u, c.do(ctx, http.MethodPost, "/users", nil, addition{email, by}, &u)
}

// SetDisabled implements [Admin].
func (c *Client) SetDisabled(ctx context.Context, user string, disabled bool) error {
	return c.do(ctx, http.MethodPatch, "/user", who(user), change{Disabled: &disabled}, nil)
}

// SetQuota implements [Admin].
func (c *Client) SetQuota(ctx context.Context, user string, quota *int64) error {
	return c.do(ctx, http.MethodPatch, "/user", who(user), change{Quota: &newQuota{quota}}, nil)
}

// RemoveUser implements [Admin].
func (c *Client) RemoveUser(ctx context.Context, user string) error {
	return c.do(ctx, http.MethodDelete, "/user", who(user), nil, nil)
}

// Repair implements [Admin].
func (c *Client) Repair(ctx context.Context, user string, force bool) (out server.Repaired, err error) {
	return out, c.do(ctx, http.MethodPost, "/user/repair", who(user), repair{force}, &out)
}

// Unlock implements [Admin].
func (c *Client) Unlock(ctx context.Context, user string) error {
	return c.do(ctx, http.MethodPost, "/user/unlock", who(user), struct{}{}, nil)
}

// RemoveSecondStep implements [Admin].
func (c *Client) RemoveSecondStep(ctx context.Context, user string) (told bool, err error) {
	var out stepRemoved
	err = c.do(ctx, http.MethodDelete, "/user/second-step", who(user), nil, &out)
	return out.Told, err
}

// SetDefaultQuota implements [Admin].
func (c *Client) SetDefaultQuota(ctx context.Context, quota *int64) error {
	return c.do(ctx, http.MethodPatch, "/quota", nil, newQuota{quota}, nil)
}

// Compact implements [Admin].
func (c *Client) Compact(ctx context.Context, user string) (out server.Compacted, err error) {
	return out, c.do(ctx, http.MethodPost, "/user/compact", who(user), struct{}{}, &out)
}

// Invitations implements [Admin].
func (c *Client) Invitations(ctx context.Context) (all []accounts.Invitation, err error) {
	return all, c.do(ctx, http.MethodGet, "/invitations", nil, nil, &all)
}

// RevokeInvitation implements [Admin].
func (c *Client) RevokeInvitation(ctx context.Context, which string) error {
	return c.do(ctx, http.MethodDelete, "/invitation", url.Values{"which": {which}}, nil, nil)
}

// Invite implements [Admin].
func (c *Client) Invite(ctx context.Context, note string, life time.Duration) (code string, expires time.Time, err error) {
	var out invited
	err = c.do(ctx, http.MethodPost, "/invitations", nil, invitation{note, life}, &out)
	return out.Code, out.Expires, err
}

// AddNode implements [Admin].
func (c *Client) AddNode(ctx context.Context, url string, capacity int64) (secret []byte, has int64, err error) {
	var out addedNode
	err = c.do(ctx, http.MethodPost, "/nodes", nil, newNode{url, capacity}, &out)
	return out.Secret, out.Capacity, err
}

// Nodes implements [Admin].
func (c *Client) Nodes(ctx context.Context) (all []server.NodeInfo, err error) {
	return all, c.do(ctx, http.MethodGet, "/nodes", nil, nil, &all)
}

// DrainNode implements [Admin].
func (c *Client) DrainNode(ctx context.Context, node string) (d server.Drained, err error) {
	return d, c.do(ctx, http.MethodPost, "/node/drain", url.Values{"url": {node}}, struct{}{}, &d)
}

// RemoveNode implements [Admin].
func (c *Client) RemoveNode(ctx context.Context, node string) error {
	return c.do(ctx, http.MethodDelete, "/node", url.Values{"url": {node}}, nil, nil)
}

// SetReadOnly implements [Admin].
func (c *Client) SetReadOnly(ctx context.Context, life time.Duration) (bool, error) {
	var out leased
	err := c.do(ctx, http.MethodPost, readOnlyPath, nil, lease{life}, &out)
	return out.Kept, err
}

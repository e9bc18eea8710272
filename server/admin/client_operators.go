package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts"
)

// OperatorLink implements [Admin].
func (c *Client) OperatorLink(ctx context.Context) (url string, expires time.Time, err error) {
	var out link
	err = c.do(ctx, http.MethodPost, "/operator/link", nil, struct{}{}, &out)
	return out.Link, out.Expires, err
}

// Operators implements [Admin].
func (c *Client) Operators(ctx context.Context) (all []accounts.Operator, err error) {
	return all, c.do(ctx, http.MethodGet, "/operators", nil, nil, &all)
}

// AddOperator implements [Admin].
func (c *Client) AddOperator(ctx context.Context, user string) (o accounts.Operator, err error) {
	return o, c.do(ctx, http.MethodPost, "/operators", who(user), struct{}{}, &o)
}

// RemoveOperator implements [Admin].
func (c *Client) RemoveOperator(ctx context.Context, user string) error {
	return c.do(ctx, http.MethodDelete, "/operator", who(user), nil, nil)
}

// EndOperatorSessions implements [Admin].
func (c *Client) EndOperatorSessions(ctx context.Context) (int, error) {
	var out endedSessions
	err := c.do(ctx, http.MethodDelete, "/operator/sessions", nil, nil, &out)
	return out.Sessions, err
}

package account

import "context"

// Discover asks the server where its services are.
func (c *Client) Discover(ctx context.Context) (endpoints, error) {
	at, _, err := c.discover(ctx)
	return at, err
}

// Endpoints are the URLs of a server's services.
type Endpoints = endpoints

// Kept is the part of a session that only this package uses.
func (s *Session) Kept() *kept { return &s.kept }

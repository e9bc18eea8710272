package agent

import (
	"context"
	"net"
	"net/http"
)

// HTTPClient returns a client for the socket of the agent of the profile in dir. The host of its
// requests is "agent".
func HTTPClient(dir string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := Dial(ctx, dir)
			if err != nil {
				return nil, err
			}
			return c.conn, nil
		},
		DisableCompression: true,
	}}
}

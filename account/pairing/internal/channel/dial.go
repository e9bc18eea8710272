//go:build !js

package channel

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

func (r Relay) dial(ctx context.Context, url string) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: r.HTTP, HTTPHeader: r.Header})
}

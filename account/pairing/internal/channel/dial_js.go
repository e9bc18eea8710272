package channel

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// dial connects as the browser does. It does not tell why it cannot.
func (r Relay) dial(ctx context.Context, url string) (*websocket.Conn, *http.Response, error) {
	return websocket.Dial(ctx, url, nil)
}

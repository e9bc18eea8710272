package server

import (
	"net"
	"net/http"
	"testing"
)

// A connection over the limit is closed and counted.
func TestRefusedConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	refused := 0
	c := &conns{max: 1000, refused: func() { refused++ }}
	for i := range maxPerAddress + 2 {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close(); there.Close() })
		c.state(&remote{here, &net.TCPAddr{IP: net.IPv4(203, 0, 113, 5), Port: i + 1}}, http.StateNew)
	}
	if refused != 2 {
		t.Errorf("%d were counted, want 2", refused)
	}
}

// remote is a connection from somewhere.
type remote struct {
	net.Conn
	addr net.Addr
}

func (r *remote) RemoteAddr() net.Addr { return r.addr }

package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// conns bounds how many connections are open, in total and from one address, so that one
// client with thousands of connections does not lock out the others. This machine and the
// trusted proxies, which speak for many clients, may have three quarters of the total.
type conns struct {
	max     int
	proxies []netip.Prefix
	refused func() // called for each connection over the limit; may be nil

	mu     sync.Mutex
	open   map[net.Conn]senders
	number map[netip.Prefix]int
}

// state is the ConnState function of an [http.Server]. It closes a new connection over the
// limit before anything is read from it.
func (c *conns) state(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if !c.add(conn) {
			_ = conn.Close()
			if c.refused != nil {
				c.refused()
			}
		}
	case http.StateClosed, http.StateHijacked:
		c.remove(conn)
	}
}

func (c *conns) add(conn net.Conn) bool {
	from := sendersOf(conn.RemoteAddr().String(), c.proxies)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.max || from.over(c.number, c.max) {
		return false
	}
	if c.open == nil {
		c.open, c.number = make(map[net.Conn]senders), make(map[netip.Prefix]int)
	}
	c.open[conn] = from
	from.add(c.number, 1)
	return true
}

func (c *conns) remove(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if from, counted := c.open[conn]; counted {
		delete(c.open, conn)
		from.add(c.number, -1)
	}
}

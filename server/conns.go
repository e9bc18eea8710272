package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// conns bounds how many connections are open, in all and from one address, so
// that one who opens thousands keeps nobody else out. This machine and the
// trusted proxies, which speak for many, have no bound of their own.
type conns struct {
	max, maxPerAddress int
	proxies            []netip.Prefix

	mu     sync.Mutex
	open   map[net.Conn]netip.Prefix
	number map[netip.Prefix]int
}

// state is an http.Server's ConnState. It closes a new connection that is one too
// many before anything of it is read.
func (c *conns) state(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if !c.add(conn) {
			_ = conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		c.remove(conn)
	}
}

func (c *conns) add(conn net.Conn) bool {
	from := network(conn.RemoteAddr())
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.max || c.number[from] >= c.maxPerAddress && !c.unbounded(from) {
		return false
	}
	if c.open == nil {
		c.open, c.number = make(map[net.Conn]netip.Prefix), make(map[netip.Prefix]int)
	}
	c.open[conn] = from
	c.number[from]++
	return true
}

func (c *conns) remove(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, counted := c.open[conn]
	if !counted {
		return
	}
	delete(c.open, conn)
	if c.number[from]--; c.number[from] == 0 {
		delete(c.number, from)
	}
}

func (c *conns) unbounded(from netip.Prefix) bool {
	return !from.IsValid() || from.Addr().IsLoopback() || trusted(c.proxies, from.Addr())
}

// network is whom to count a connection by: an address, or of an IPv6 address the
// /64 network, which is what one customer gets. It is invalid for what is no
// network connection.
func network(addr net.Addr) netip.Prefix {
	peer, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Prefix{}
	}
	a, bits := peer.Addr().Unmap().WithZone(""), 32
	if a.Is6() && !a.IsLoopback() {
		bits = 64
	} else if a.Is6() {
		bits = 128
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

package channels

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// channel connects two parties. Nobody else can join, also when a party has left.
type channel struct {
	id     string
	expiry *time.Timer
	// first created the channel and second joined it. Each is nil while it is not here: nobody
	// joined, or it is connected to another server. The relay's mutex guards both pointers.
	first, second *party
	// inbox has what another server sends for the party here.
	inbox chan note

	mu       sync.Mutex
	posted   int // to another server
	conns    map[*party]*websocket.Conn
	ended    bool
	messages int
	bytes    int
}

// party is one of a channel's two ends.
type party struct {
	from from
	conn *websocket.Conn
}

// from is what a party is told about the other. Mozilla's server adds the place.
type from struct {
	UserAgent string `json:"ua,omitempty"`
	Remote    string `json:"remote,omitempty"`
}

// envelope is a message as the other party receives it.
type envelope struct {
	Message string `json:"message"`
	Sender  from   `json:"sender"`
}

// connected adds p's connection. It returns false if the channel has ended.
func (c *channel) connected(p *party, conn *websocket.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	if c.conns == nil {
		c.conns = make(map[*party]*websocket.Conn)
	}
	p.conn = conn
	c.conns[p] = conn
	return true
}

// other returns the connection of the other party, or nil.
func (c *channel) other(p *party) *websocket.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	for q, conn := range c.conns {
		if q != p {
			return conn
		}
	}
	return nil
}

// errMisuse means that a party sent what does not belong into a channel.
var errMisuse = errors.New("the channel was misused")

// admit counts a message, and refuses one that a pairing would not send.
func (c *channel) admit(kind websocket.MessageType, message []byte) error {
	if kind != websocket.MessageText || !isBase64URL(message) {
		return fmt.Errorf("%w: a message is not base64url", errMisuse)
	}
	return c.count(len(message))
}

// count counts a message of either party.
func (c *channel) count(size int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages++
	c.bytes += size
	if c.messages > maxMessages || c.bytes > maxChannelBytes {
		return fmt.Errorf("%w: too much was sent", errMisuse)
	}
	return nil
}

// number returns the number of the next note to another server.
func (c *channel) number() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posted++
	return c.posted
}

// isBase64URL reports whether text is base64url, with padding as Firefox sends it, or without.
func isBase64URL(text []byte) bool {
	for _, b := range bytes.TrimRight(text, "=") {
		if (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '_' {
			return false
		}
	}
	return len(text) > 0
}

// close closes both connections, and waits until that is done. What was relayed before
// arrives before.
func (c *channel) close(reason string) {
	c.mu.Lock()
	conns := c.conns
	c.conns, c.ended = nil, true
	c.mu.Unlock()
	var closing sync.WaitGroup
	for _, conn := range conns {
		closing.Go(func() { _ = conn.Close(websocket.StatusNormalClosure, reason) })
	}
	closing.Wait()
}

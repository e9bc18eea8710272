// Package channels relays the messages with which two devices pair: what one party of a
// channel sends, the other receives. The messages are encrypted with a key that only the two
// devices have, so the relay sees who sends how much and when, and nothing else. Nothing is
// stored, but where the parties are connected to different servers: then a message passes through
// their database; see [Board].
//
// Source: the API of Mozilla's channelserver.
package channels

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// Lifetime is how long a channel exists at most. It bounds how long a pairing URL can be
	// used.
	Lifetime = 5 * time.Minute
	// maxMessage bounds a message, in characters of base64url: one TLS record of 16 KiB.
	maxMessage = 24 << 10
	// maxMessages and maxChannelBytes bound what passes through one channel. A pairing has
	// eleven messages of a few hundred bytes.
	maxMessages, maxChannelBytes = 64, 256 << 10
	// maxRecent bounds the channels that were created in the last [Lifetime], and so the open
	// ones, to a fraction of the requests that a server has in progress. maxRecentOf is the
	// bound for one network.
	maxRecent, maxRecentOf = 256, 32
	// pingEvery is less than the minute after which proxies close an idle connection;
	// pingWait bounds a ping and the writing of a message.
	pingEvery, pingWait = 20 * time.Second, 10 * time.Second
	// maxUserAgent bounds what the other party is told about a browser, in bytes.
	maxUserAgent = 256
	// idSize is the size of a channel's ID, in bytes.
	idSize = 16
	// takeEvery is how often a server that has a channel looks for messages of other servers.
	takeEvery = 200 * time.Millisecond
)

// Prefix is the path of the relay; clients append a channel's ID.
const Prefix = "/v1/ws/"

// Sender says who sends a request: the address that the other party is shown, and the network
// by which channels are counted. Shared says that the network may speak for many clients, as
// a proxy does.
type Sender struct {
	Address, Network string
	Shared           bool
}

// Config configures a [Relay]. All fields but Board must be set.
type Config struct {
	// Board, if set, is shared with the relays of other servers, whose parties can join this one's
	// channels. The caller closes it after the Relay.
	Board  *Board
	Sender func(*http.Request) Sender
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger
}

// Relay answers requests below [Prefix]. It is safe for concurrent use.
type Relay struct {
	cfg     Config
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[string]*channel
	recent recent
}

// New returns a Relay. The caller must call [Relay.Close].
func New(cfg Config) *Relay {
	r := &Relay{cfg: cfg, open: make(map[string]*channel)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if cfg.Board != nil {
		r.running.Go(r.take)
	}
	return r
}

// Close ends all channels, and waits until their connections are closed.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.running.Wait()
}

// refusal is why a request does not get a connection.
type refusal struct {
	status int
	text   string
	wait   time.Duration
}

// ServeHTTP opens a channel, or connects to the one that the path names, and relays until the
// channel ends.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !strings.EqualFold(req.Header.Get("Upgrade"), "websocket") { // it must not use up a channel
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is for WebSocket connections", http.StatusUpgradeRequired)
		return
	}
	sender := r.cfg.Sender(req)
	c, p, no := r.place(req.Context(), req.PathValue("id"), sender)
	if no != nil {
		if no.wait > 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(int64((no.wait+time.Second-1)/time.Second), 10))
		}
		http.Error(w, no.text, no.status)
		return
	}
	defer r.running.Done()
	p.from = from{UserAgent: cut(req.UserAgent(), maxUserAgent), Remote: sender.Address}
	// Any origin may connect: a request carries nothing that a browser adds by itself, and
	// what the relay does for one sender it does for all.
	conn, err := websocket.Accept(w, req, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		r.end(c, errors.New("the connection failed"))
		return
	}
	conn.SetReadLimit(maxMessage)
	if !c.connected(p, conn) { // it ended meanwhile
		_ = conn.Close(websocket.StatusGoingAway, "the channel ended")
		return
	}
	err = r.serve(c, p)
	r.cfg.Log.DebugContext(req.Context(), "a party left a pairing channel", "why", err)
	r.end(c, err)
}

// serve tells p its channel's ID, and relays what p sends until the channel ends.
func (r *Relay) serve(c *channel, p *party) error {
	hello, err := json.Marshal(map[string]string{"channelid": c.id, "link": Prefix + c.id})
	if err != nil {
		return err
	}
	if err := r.write(p.conn, hello); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	r.running.Go(func() { r.ping(ctx, p.conn) })
	if r.cfg.Board != nil {
		r.running.Go(func() { r.deliver(ctx, c, p) })
	}
	for {
		kind, message, err := p.conn.Read(ctx)
		if err != nil {
			return err
		}
		if err := c.admit(kind, message); err != nil {
			return err
		}
		envelope, err := json.Marshal(envelope{string(message), p.from})
		if err != nil {
			return err
		}
		if other := c.other(p); other != nil {
			err = r.write(other, envelope)
		} else { // at another server, or nobody is there yet
			err = r.post(ctx, c, note{Envelope: envelope, Size: len(message)})
		}
		if err != nil {
			return err
		}
	}
}

func (r *Relay) write(conn *websocket.Conn, text []byte) error {
	ctx, cancel := context.WithTimeout(r.ctx, pingWait)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, text)
}

// ping keeps a connection open, and closes it if the other end does not answer.
func (r *Relay) ping(ctx context.Context, conn *websocket.Conn) {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		wait, cancel := context.WithTimeout(ctx, pingWait)
		err := conn.Ping(wait)
		cancel()
		if err != nil {
			_ = conn.CloseNow()
			return
		}
	}
}

// cut shortens text to n bytes at most; JSON replaces half a character.
func cut(text string, n int) string { return text[:min(len(text), n)] }

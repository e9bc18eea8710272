package channel

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// ErrGone means that the relay does not have the channel.
var ErrGone = errors.New("this pairing code has expired or has been used; show a new one on the other device")

const (
	// path is where relays are, whatever the path of their address.
	path = "/v1/ws/"
	// maxEnvelope bounds what a relay may send at once, in bytes.
	maxEnvelope = 64 << 10
	// maxWaiting bounds the messages that were received and not yet taken.
	maxWaiting = 16
	// maxID bounds a channel's ID, in characters.
	maxID = 64
	// writeTimeout bounds the writing of one record.
	writeTimeout = 30 * time.Second
)

// Message is a message between the two devices.
type Message struct {
	Name string          `json:"message"`
	Data json.RawMessage `json:"data"`
	// From is what the relay says of the sender. The other device cannot prove it, and the
	// relay may lie.
	From Sender `json:"-"`
}

// Sender is a device as the relay sees it.
type Sender struct {
	UserAgent string `json:"ua"`
	Address   string `json:"remote"`
}

// Relay is where and how to connect.
type Relay struct {
	// URI has the scheme ws or wss, and a host; its path is ignored.
	URI string
	// HTTP makes the connection; Header goes with it. A browser uses neither.
	HTTP   *http.Client
	Header http.Header
	Rand   io.Reader
}

// Channel is one side of a pairing channel over a relay. Messages are answered and received
// in the background. It is safe for concurrent use.
type Channel struct {
	ID  string
	Key []byte

	ws        *websocket.Conn
	stop      context.CancelFunc
	messages  chan Message
	connected chan struct{} // closed when the other side proved that it has the key
	ended     chan struct{} // closed when reading ended, because of err
	err       error

	mu   sync.Mutex // of conn, and so that records are sent in order
	conn *Conn
}

// Create opens a new channel with a new key. It does not wait for the other side. The caller
// must call [Channel.Close].
func Create(ctx context.Context, r Relay) (*Channel, error) {
	key := make([]byte, KeySize)
	if _, err := io.ReadFull(r.Rand, key); err != nil {
		return nil, fmt.Errorf("make the pairing key: %w", err)
	}
	c, err := r.connect(ctx, "")
	if err != nil {
		return nil, err
	}
	c.Key = key
	c.conn = NewServer(key, []byte(c.ID), r.Rand)
	c.start()
	return c, nil
}

// Join connects to the channel that another device created. The error is, among others,
// [ErrGone]. The caller must call [Channel.Close].
func Join(ctx context.Context, r Relay, id string, key []byte) (*Channel, error) {
	c, err := r.connect(ctx, id)
	if err != nil {
		return nil, err
	}
	c.Key = key
	conn, hello, err := NewClient(key, []byte(id), r.Rand)
	if err == nil {
		err = c.write(ctx, hello)
	}
	if err != nil {
		_ = c.ws.CloseNow()
		return nil, err
	}
	c.conn = conn
	c.start()
	return c, nil
}

// ValidID reports whether id may be a channel's.
func ValidID(id string) bool {
	return id != "" && len(id) <= maxID && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// connect connects to a channel, or to a new one, and reads its ID.
func (r Relay) connect(ctx context.Context, id string) (*Channel, error) {
	scheme, rest, _ := strings.Cut(r.URI, "://")
	host, _, _ := strings.Cut(rest, "/")
	if scheme != "ws" && scheme != "wss" || host == "" {
		return nil, fmt.Errorf("%.100q is not the address of a pairing relay", r.URI)
	}
	ws, res, err := r.dial(ctx, scheme+"://"+host+path+id) //nolint:bodyclose // the connection has it
	if err != nil {
		return nil, refused(host, id, res, err)
	}
	ws.SetReadLimit(maxEnvelope)
	var hello struct {
		ID string `json:"channelid"`
	}
	_, text, err := ws.Read(ctx)
	if err == nil {
		err = json.Unmarshal(text, &hello)
	}
	if err != nil || !ValidID(hello.ID) || id != "" && id != hello.ID {
		_ = ws.CloseNow()
		return nil, fmt.Errorf("the pairing relay %s does not answer as one", host)
	}
	return &Channel{
		ID: hello.ID, ws: ws, messages: make(chan Message, maxWaiting), connected: make(chan struct{}), ended: make(chan struct{}),
	}, nil
}

// refused returns why a relay did not connect; res is nil if it did not answer.
func refused(host, id string, res *http.Response, err error) error {
	switch {
	case res == nil:
		return fmt.Errorf("cannot connect to the pairing relay %s: %w", host, err)
	case id != "" && res.StatusCode == http.StatusNotFound:
		return ErrGone
	case res.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("the pairing relay %s has too many pairings; try again in some minutes", host)
	}
	return fmt.Errorf("cannot connect to the pairing relay %s: it answered HTTP %d", host, res.StatusCode)
}

// start begins to read.
func (c *Channel) start() {
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	go func() {
		c.err = c.read(ctx)
		close(c.ended)
		_ = c.ws.Close(websocket.StatusNormalClosure, "")
	}()
}

func (c *Channel) read(ctx context.Context) error {
	for {
		_, text, err := c.ws.Read(ctx)
		if err != nil {
			return lost(err)
		}
		var in struct {
			Message string `json:"message"`
			Sender  Sender `json:"sender"`
		}
		if err := json.Unmarshal(text, &in); err != nil {
			return errors.New("the pairing relay sent something malformed")
		}
		record, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(in.Message, "="))
		if err != nil {
			return errors.New("the pairing relay sent something malformed")
		}
		if err := c.take(ctx, record, in.Sender); err != nil {
			return err
		}
	}
}

// take gives one record to the connection, and keeps the message in it.
func (c *Channel) take(ctx context.Context, record []byte, from Sender) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, answer, err := c.conn.Receive(record)
	for _, r := range answer {
		if err := c.write(ctx, r); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if c.conn.Connected() {
		select {
		case <-c.connected:
		default:
			close(c.connected)
		}
	}
	if text == nil {
		return nil
	}
	m := Message{From: from}
	if err := json.Unmarshal(text, &m); err != nil || m.Name == "" {
		return errors.New("the other device sent something malformed")
	}
	select {
	case c.messages <- m:
		return nil
	default:
		return errors.New("the other device sent too many messages")
	}
}

// lost returns why the relay closed the connection.
func lost(err error) error {
	if closed, ok := errors.AsType[websocket.CloseError](err); ok && closed.Reason != "" {
		return fmt.Errorf("the pairing ended: %.100q", closed.Reason)
	}
	return fmt.Errorf("the connection to the pairing relay was lost: %w", err)
}

func (c *Channel) write(ctx context.Context, record []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageText, []byte(base64.RawURLEncoding.EncodeToString(record)))
}

// Send sends a message once the other side has proved that it has the key.
func (c *Channel) Send(ctx context.Context, name string, data any) error {
	select {
	case <-c.connected:
	case <-c.ended:
		return c.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if data == nil {
		data = struct{}{}
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	text, err := json.Marshal(Message{Name: name, Data: raw})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	record, err := c.conn.Send(text)
	if err != nil {
		return err
	}
	return c.write(ctx, record)
}

// Receive waits for the next message. The error is [ErrClosed] if the other side closed the
// channel.
func (c *Channel) Receive(ctx context.Context) (Message, error) {
	select {
	case m := <-c.messages:
		return m, nil
	default:
	}
	select {
	case m := <-c.messages:
		return m, nil
	case <-c.ended:
		select {
		case m := <-c.messages: // it came before the end
			return m, nil
		default:
			return Message{}, c.err
		}
	case <-ctx.Done():
		return Message{}, context.Cause(ctx)
	}
}

// Close tells the other side that the pairing ends, and closes the connection. Further calls
// do nothing.
func (c *Channel) Close(ctx context.Context) {
	c.mu.Lock()
	if r := c.conn.Close(); r != nil {
		_ = c.write(ctx, r)
	}
	c.mu.Unlock()
	_ = c.ws.Close(websocket.StatusNormalClosure, "")
	c.stop()
	<-c.ended
}

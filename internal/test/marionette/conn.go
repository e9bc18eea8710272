package marionette

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
)

// protocolVersion is the version of Marionette's protocol that this client speaks.
const protocolVersion = 3

// maxPacket is the longest message accepted from Firefox, in bytes. It is far more than a test
// needs, and protects against a peer that is not Marionette.
const maxPacket = 256 << 20

// errClosed is wrapped by the error of a command whose connection is gone.
var errClosed = errors.New("the connection to Firefox is closed")

// RemoteError is an error that Firefox returned for a command.
type RemoteError struct {
	// Kind is the WebDriver error code: "no such element".
	Kind string `json:"error"`
	// Message is the error text.
	Message string `json:"message"`
	// Stack is where in Firefox it happened.
	Stack string `json:"stacktrace"`
}

func (e *RemoteError) Error() string { return fmt.Sprintf("Firefox says %q: %s", e.Kind, e.Message) }

// conn is a connection to Marionette. Commands may be sent by several
// goroutines; answers are matched to them by number.
type conn struct {
	raw net.Conn

	mu      sync.Mutex // guards what follows, and writing
	lastID  int
	pending map[int]chan answer
	failed  error // why no more answers come
}

type answer struct {
	result json.RawMessage
	err    error
}

// newConn takes over raw, reads the greeting, and starts to read answers.
func newConn(ctx context.Context, raw net.Conn) (*conn, error) {
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	r := bufio.NewReader(raw)
	greeting, err := readPacket(r)
	if err != nil {
		raw.Close()
		return nil, fmt.Errorf("reading Marionette's greeting: %w", errors.Join(err, ctx.Err()))
	}
	var hello struct {
		Protocol int `json:"marionetteProtocol"`
	}
	if err := json.Unmarshal(greeting, &hello); err != nil || hello.Protocol != protocolVersion {
		raw.Close()
		return nil, fmt.Errorf("the greeting is not that of Marionette %d: %.80q", protocolVersion, greeting)
	}
	c := &conn{raw: raw, pending: map[int]chan answer{}}
	go c.read(r)
	return c, nil
}

// readPacket reads one message: its length in bytes as a decimal number, a colon, and that
// many bytes of JSON.
func readPacket(r *bufio.Reader) ([]byte, error) {
	length := 0
	for digits := 0; ; digits++ {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if b == ':' && digits > 0 {
			break
		}
		if b < '0' || b > '9' {
			return nil, fmt.Errorf("a Marionette message begins with %q instead of its length", b)
		}
		if length = length*10 + int(b-'0'); length > maxPacket {
			return nil, fmt.Errorf("a Marionette message is longer than %d bytes", maxPacket)
		}
	}
	// Read the bytes as they arrive rather than allocate the claimed length.
	packet, err := io.ReadAll(io.LimitReader(r, int64(length)))
	if err != nil {
		return nil, err
	}
	if len(packet) < length {
		return nil, io.ErrUnexpectedEOF
	}
	return packet, nil
}

// read delivers answers until the connection ends.
func (c *conn) read(r *bufio.Reader) {
	for {
		packet, err := readPacket(r)
		if err != nil {
			c.fail(err)
			return
		}
		id, a, err := parseAnswer(packet)
		if err != nil {
			c.fail(err)
			return
		}
		c.mu.Lock()
		waiting := c.pending[id]
		delete(c.pending, id)
		c.mu.Unlock()
		if waiting != nil { // nil: the caller stopped waiting
			waiting <- a
		}
	}
}

// parseAnswer reads [1, id, error, result].
func parseAnswer(packet []byte) (id int, a answer, err error) {
	var fields []json.RawMessage
	if err := json.Unmarshal(packet, &fields); err != nil || len(fields) != 4 || string(fields[0]) != "1" {
		return 0, answer{}, fmt.Errorf("not a Marionette answer: %.80q", packet)
	}
	if err := json.Unmarshal(fields[1], &id); err != nil {
		return 0, answer{}, fmt.Errorf("a Marionette answer without a number: %.80q", packet)
	}
	if string(fields[2]) != "null" {
		var refused RemoteError
		if err := json.Unmarshal(fields[2], &refused); err != nil {
			return 0, answer{}, fmt.Errorf("a Marionette error that cannot be read: %.80q", fields[2])
		}
		return id, answer{err: &refused}, nil
	}
	return id, answer{result: fields[3]}, nil
}

// fail closes the connection, and lets all waiting commands fail.
func (c *conn) fail(cause error) {
	c.raw.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = fmt.Errorf("%w: %w", errClosed, cause)
	}
	for id, waiting := range c.pending {
		waiting <- answer{err: c.failed}
		delete(c.pending, id)
	}
}

func (c *conn) close() { c.fail(net.ErrClosed) }

// command sends one command and waits for its answer or for the end of ctx. In the latter case
// Firefox continues the command, and its answer is dropped.
func (c *conn) command(ctx context.Context, name string, params any) (json.RawMessage, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if params == nil {
		params = struct{}{}
	}
	waiting := make(chan answer, 1)
	id, err := c.send(name, params, waiting)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	select {
	case a := <-waiting:
		if a.err != nil {
			return nil, fmt.Errorf("%s: %w", name, a.err)
		}
		return a.result, nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.pending, id)
		c.mu.Unlock()
		return nil, fmt.Errorf("%s: no answer from Firefox: %w", name, ctx.Err())
	}
}

func (c *conn) send(name string, params any, waiting chan answer) (id int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return 0, c.failed
	}
	c.lastID++
	id = c.lastID
	message, err := json.Marshal([]any{0, id, name, params})
	if err != nil {
		return 0, err
	}
	packet := append(strconv.AppendInt(nil, int64(len(message)), 10), ':')
	if _, err := c.raw.Write(append(packet, message...)); err != nil {
		return 0, fmt.Errorf("%w: %w", errClosed, err)
	}
	c.pending[id] = waiting
	return id, nil
}

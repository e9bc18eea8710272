package sync15

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

// eventsHeader is in the answers to info/collections of a service that tells which collections moved. Mozilla's
// server does not send it, and is never asked.
const eventsHeader = "X-Sync-Events"

const (
	// maxEventLine bounds a line of events, and maxEvent the data of one, in bytes: a user has at most some
	// hundred collections.
	maxEventLine, maxEvent = 64 << 10, 64 << 10
	// answerTime is how long the answer to a request for events may take to begin.
	answerTime = 30 * time.Second
)

// ErrNoEvents means that the service does not tell which collections move, or not to this device.
var ErrNoEvents = errors.New("the service does not tell which collections move")

// Tells reports whether the service offers to tell which collections move, as it said when it was last asked for
// them.
func (c *Client) Tells() bool { return c.tells.Load() }

// saw notes that an engine has its collection as it was at a time. After a server was restored, that may be earlier than before.
func (c *Client) saw(collection string, at bso.Timestamp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[collection] = at
}

// Unseen reports whether a collection moved at a time that the last runs of this Client did not see. It must not be called while a
// run is in progress.
func (c *Client) Unseen(collection string, at bso.Timestamp) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch collection {
	case "meta":
		return at > c.state.MetaAt
	case cryptoCollection:
		return at > c.state.CryptoAt
	case clientsCollection:
		return at > c.state.Clients.Seen
	}
	return at > c.seen[collection]
}

// A Listener asks the service to tell which collections move. It holds a token.
type Listener struct {
	c   *Client
	tok *token
}

// Listener returns one with the token that all requests use, or with a new one if the service refused that
// of the other one. It must not be called while a run is in progress.
func (c *Client) Listener(ctx context.Context, refused *Listener) (*Listener, error) {
	c.mu.Lock()
	until := c.state.wait(c.cfg.Now(), false) // nobody asked for it
	c.mu.Unlock()
	if !until.IsZero() {
		return nil, &BackedOffError{until}
	}
	var tok *token
	var err error
	if refused == nil {
		tok, err = c.token(ctx)
	} else {
		c.mu.Lock()
		c.renewed = false
		c.mu.Unlock()
		tok, err = c.renewToken(ctx, refused.tok, listeningDoing)
	}
	if err != nil {
		return nil, err
	}
	return &Listener{c, tok}, nil
}

const listeningDoing = "listen to what other devices change"

// RefusedError means that the service does not tell this device now which collections move.
type RefusedError struct {
	// Status is the HTTP status of the answer. 401 means that the token has ended.
	Status int
	// Wait is how long the service asks to wait before it is asked again.
	Wait time.Duration
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s: the server answered with status %d", listeningDoing, e.Status)
}

// Listen calls moved with the collections that moved and when, until ctx ends or the connection does. It begins with what moved since
// the event named after, or with all collections if that is 0. The ID of each event is passed too. heartbeat is
// how long the connection may be silent; if it is silent for more than twice as long, it is given up. The error is never nil:
// [ErrNoEvents], a [RefusedError], a [NetworkError], or from ctx. A server that sends what are no events
// gets an error that wraps ErrProtocol.
//
// Listen may be called while a run is in progress.
func (l *Listener) Listen(ctx context.Context, after bso.Timestamp, heartbeat time.Duration, moved func(id bso.Timestamp, times map[string]bso.Timestamp)) error {
	c := l.c
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dead := time.AfterFunc(answerTime, func() { cancel(errStalled) })
	defer dead.Stop()
	req, err := c.sign(ctx, request{
		method: http.MethodGet, path: "/info/events?heartbeat=" + strconv.Itoa(int(heartbeat/time.Second)), doing: listeningDoing, accept: "text/event-stream",
	}, l.tok)
	if err != nil {
		return err
	}
	req.Header.Set("Cache-Control", "no-cache")
	if after > 0 {
		req.Header.Set("Last-Event-ID", after.String())
	}
	resp, err := c.roundTripBy(c.events, req, listeningDoing)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := refusedEvents(resp, c.cfg.Now()); err != nil {
		return err
	}
	silence := 2*heartbeat + answerTime
	dead.Reset(silence)
	r := eventReader{lines: bufio.NewReaderSize(&lively{resp.Body, func() { dead.Reset(silence) }}, 1<<10)}
	for {
		id, times, err := r.next()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		if errors.Is(err, errStalled) || err != nil && !errors.Is(err, ErrProtocol) && ctx.Err() == nil {
			return &NetworkError{fmt.Errorf("%s: %w", listeningDoing, err)}
		}
		if err != nil {
			return err
		}
		moved(id, times)
	}
}

// refusedEvents is the error of an answer that has no events.
func refusedEvents(resp *http.Response, now time.Time) error {
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code == http.StatusNotAcceptable, code == http.StatusGone:
		return ErrNoEvents
	case code != http.StatusOK:
		d, _ := wait(resp.Header.Get("Retry-After"), now)
		return &RefusedError{code, d}
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
		return ErrNoEvents
	}
	return nil
}

// lively calls heard whenever something was read.
type lively struct {
	io.Reader
	heard func()
}

func (l *lively) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if n > 0 {
		l.heard()
	}
	return n, err
}

// eventReader reads server-sent events.
type eventReader struct{ lines *bufio.Reader }

// next returns the next event that has data, and the ID that it has. Comments, which are heartbeats, other
// fields, and what is not known in the data are ignored.
func (r *eventReader) next() (id bso.Timestamp, times map[string]bso.Timestamp, err error) {
	var data []byte
	for {
		line, err := r.line()
		if err != nil {
			return 0, nil, err
		}
		if len(line) == 0 { // the end of an event
			if data == nil {
				continue
			}
			times, err = eventTimes(data)
			return id, times, err
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "data":
			if data, err = appendData(data, value); err != nil {
				return 0, nil, err
			}
		case "id":
			if at, err := bso.ParseTimestamp(string(value)); err == nil {
				id = at
			}
		}
	}
}

// appendData appends a line of data to those before, which are nil for the first one. It returns no nil.
func appendData(data, line []byte) ([]byte, error) {
	if len(data)+len(line) > maxEvent {
		return nil, protocolError(listeningDoing, fmt.Sprintf("an event has more than %d bytes", maxEvent))
	}
	if data == nil {
		return append([]byte{}, line...), nil
	}
	return append(append(data, '\n'), line...), nil
}

// eventTimes takes the data of an event apart. Names that no collection can have are left out.
func eventTimes(data []byte) (times map[string]bso.Timestamp, err error) {
	if err := json.Unmarshal(data, &times); err != nil || times == nil {
		return nil, protocolError(listeningDoing, "an event is not a list of collections")
	}
	maps.DeleteFunc(times, func(name string, _ bso.Timestamp) bool { return !bso.ValidCollection(name) })
	return times, nil
}

// line returns the next line without its end. It is valid until the next call.
func (r *eventReader) line() ([]byte, error) {
	var long []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		if err == nil && long == nil {
			return bytes.TrimRight(part, "\r\n"), nil
		}
		if len(long)+len(part) > maxEventLine {
			return nil, protocolError(listeningDoing, fmt.Sprintf("a line has more than %d bytes", maxEventLine))
		}
		long = append(long, part...)
		if err == nil {
			return bytes.TrimRight(long, "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// newListeningTransport returns the transport of a connection that waits for events. It has a connection of its own, of
// HTTP/1.1, which costs a server less, and the system does not probe it while nothing comes: the
// server's heartbeats do that.
func newListeningTransport(t *http.Transport) http.RoundTripper {
	if runtime.GOOS == "js" {
		return t // a browser's fetch, which a dialer would turn off
	}
	t = t.Clone()
	t.ForceAttemptHTTP2 = false
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.DisableKeepAlives, t.DisableCompression = true, true
	t.ResponseHeaderTimeout = answerTime
	t.DialContext = (&net.Dialer{Timeout: answerTime, KeepAlive: -1}).DialContext
	return t
}

package events

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

const (
	// A heartbeat comes after heartbeat, or what a device asks for between leastHeartbeat and mostHeartbeat. The first is
	// less than the minute after which many proxies close a quiet connection.
	heartbeat, leastHeartbeat, mostHeartbeat = 55 * time.Second, 20 * time.Second, 10 * time.Minute
	// writeTime is how long a device may take for what is written to it, before the connection is cut.
	writeTime = 10 * time.Second
	// reordered is how much later than a newer time an older one may be told: servers that share a database tell each
	// other a moment later.
	reordered = bso.Timestamp(60 * 100)
)

// Serve answers a request by l with events: first with what moved since the Last-Event-ID that the request
// names, or with all collections. It returns an error before it answers: [ErrTooMany], [ErrClosed], or that of l.Read. It may return before
// the connection ends.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, l Listener) error {
	since, err := sinceOf(r.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	s := &stream{hub: h, l: l, every: heartbeatOf(r.URL.Query().Get("heartbeat"))}
	wake, gone := make(chan struct{}, 1), make(chan struct{})
	s.wake, s.close = func() { wake <- struct{}{} }, sync.OnceFunc(func() { close(gone) })
	s.timer = time.AfterFunc(time.Hour, s.tick)
	s.timer.Stop()
	// It is among the connections before the storage is read, so that nothing is missed in between, and
	// a token that ends from here on ends it.
	if err := h.add(s); err != nil {
		return err
	}
	times, modified, err := l.Read(r.Context())
	if err != nil {
		h.endNow(s, EndRefused)
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx passes on what comes as it comes
	header.Set("X-Last-Modified", modified.String())
	first := appendEvent(nil, modified, missed(times, modified, since))
	control := http.NewResponseController(w)
	conn, buffered, err := control.Hijack()
	if err == nil {
		h.takeOver(s, conn, buffered, header, modified, first)
		return nil
	}
	if !errors.Is(err, http.ErrNotSupported) {
		h.endNow(s, EndGone)
		return nil
	}
	// HTTP/2 and a handler without a socket keep this goroutine.
	write := func(b []byte) error {
		if err := control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) { //nolint:forbidigo // a deadline of the system
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
		// HTTP/2 ends a stream whose deadline passes, even if nothing is to be written.
		_ = control.SetWriteDeadline(time.Time{})
		return nil
	}
	_ = control.SetReadDeadline(time.Time{})
	if write(first) != nil {
		h.endNow(s, EndGone)
		return nil
	}
	h.open(s, modified)
	for {
		select {
		case <-wake:
			s.drain(write)
		case <-gone:
			return nil
		case <-r.Context().Done():
			h.endNow(s, EndGone)
			return nil
		}
	}
}

// takeOver goes on with the connection of a request without its goroutine. What is written is small, so that the
// system's buffer takes it at once unless the device does not read.
func (h *Hub) takeOver(s *stream, conn net.Conn, buffered *bufio.ReadWriter, header http.Header, modified bso.Timestamp, first []byte) {
	write := func(b []byte) error {
		_ = conn.SetWriteDeadline(time.Now().Add(writeTime)) //nolint:forbidigo // a deadline of the system
		_, err := conn.Write(b)
		return err
	}
	quiet(conn)
	buffered.Reader.Reset(nil) // frees what it holds
	closeConn := sync.OnceFunc(func() { _ = conn.Close() })
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	header = maps.Clone(header)
	header.Set("Connection", "close")
	header.Set("Date", h.cfg.Now().UTC().Format(http.TimeFormat))
	_ = header.Write(&b)
	b.WriteString("\r\n")
	b.Write(first)
	h.mu.Lock()
	if s.ended {
		h.mu.Unlock()
		closeConn()
		return
	}
	s.close = closeConn
	s.wake = func() {
		h.busy.Go(func() { s.drain(write) })
	}
	h.mu.Unlock()
	if write(b.Bytes()) != nil {
		h.endNow(s, EndGone)
		return
	}
	h.open(s, modified)
}

// open lets what happens from now on be written.
func (h *Hub) open(s *stream, modified bso.Timestamp) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.ended {
		return
	}
	now := h.cfg.Now()
	s.opened, s.told, s.last = true, now, max(s.last, modified)
	s.timer.Reset(max(min(s.every, s.l.Expires.Sub(now)), 0))
	if len(s.pending) > 0 {
		s.rouse()
	}
}

// quiet turns off the probes of an idle connection: they would wake the device more often than the heartbeats do.
func quiet(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetKeepAlive(false)
	}
}

// missed returns what a device is told first, which knows what moved until since; 0: nothing.
func missed(times map[string]bso.Timestamp, modified, since bso.Timestamp) map[string]bso.Timestamp {
	all, newest := make(map[string]bso.Timestamp, len(times)), bso.Timestamp(0)
	for name, at := range times {
		newest = max(newest, at)
		if at > since-reordered {
			all[name] = at
		}
	}
	if since > 0 && modified > since && newest <= since {
		all[everything] = modified // something was deleted
	}
	return all
}

// ErrRequest means that a request is malformed.
var ErrRequest = errors.New("malformed")

func sinceOf(id string) (bso.Timestamp, error) {
	if id == "" {
		return 0, nil
	}
	at, err := bso.ParseTimestamp(id)
	if err != nil {
		return 0, fmt.Errorf("%w Last-Event-ID", ErrRequest)
	}
	return at, nil
}

// heartbeatOf returns the heartbeat that a device asks for, in seconds.
func heartbeatOf(text string) time.Duration {
	n, err := strconv.Atoi(text)
	if err != nil {
		return heartbeat
	}
	return min(max(time.Duration(min(n, 3600))*time.Second, leastHeartbeat), mostHeartbeat)
}

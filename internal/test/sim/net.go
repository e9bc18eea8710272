package sim

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/inproc"
)

// What can happen to a request.
const (
	cutBefore  = "cut before the server"
	cutAfter   = "cut after the server"
	truncated  = "answer truncated"
	duplicated = "sent twice"
	late       = "late"
	refused    = "401"
	conflict   = "412"
	tooLarge   = "413"
	down       = "503"
	broken     = "500"
	kill       = "kill"
	during     = "meanwhile"
)

var faultKinds = []string{
	cutBefore, cutAfter, truncated, duplicated, late, refused, conflict, tooLarge, down, broken, kill, during,
}

// network carries the devices' requests to the server.
type network struct {
	late []*http.Request // that the server has not received yet
}

var errCut = errors.New("connection reset by peer")

// line is a device's connection to the server.
type line struct {
	d *device
	// fault is what happens in the sync that runs, asked how many requests it made.
	fault *Fault
	asked int
	dead  bool // the process was killed
	calm  bool // requests outside a sync
	busy  bool
}

func (l *line) begin(f *Fault) { l.fault, l.asked, l.dead = f, 0, false }

// RoundTrip carries one request.
func (l *line) RoundTrip(q *http.Request) (*http.Response, error) {
	r := l.d.run
	if l.dead {
		return nil, errCut
	}
	body, err := readBody(q)
	if err != nil {
		return nil, err
	}
	q.Body = io.NopCloser(bytes.NewReader(body))
	r.pass(20 * time.Millisecond)
	n := l.asked
	if !l.calm {
		l.asked++
	}
	f := l.fault
	if f == nil || l.calm || n != f.At {
		return l.send(q, body)
	}
	switch f.Kind {
	case cutBefore:
		return nil, errCut
	case cutAfter:
		if _, err := l.send(q, body); err != nil {
			return nil, err
		}
		return nil, errCut
	case truncated:
		res, err := l.send(q, body)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(text[:len(text)/2]), failing{}))
		return res, nil
	case duplicated:
		if _, err := l.send(q, body); err != nil {
			return nil, err
		}
		return l.send(q, body)
	case late:
		again := q.Clone(r.ctx)
		again.Body = io.NopCloser(bytes.NewReader(body))
		r.net.late = append(r.net.late, again)
		return nil, errCut
	case refused:
		return answer(q, http.StatusUnauthorized, "0"), nil
	case conflict:
		return answer(q, http.StatusPreconditionFailed, "0"), nil
	case tooLarge:
		return answer(q, http.StatusRequestEntityTooLarge, "17"), nil
	case down:
		return answer(q, http.StatusServiceUnavailable, "0", "Retry-After", "30"), nil
	case broken:
		return answer(q, http.StatusInternalServerError, "0"), nil
	case kill:
		l.dead = true
		l.d.killed, l.d.killErr = l.d.snapshot()
		l.d.killedState = l.d.state.b
		return nil, errCut
	case during:
		if f.Step != nil {
			l.fault = nil // the step may be a sync of its own, on another line
			r.within(*f.Step)
		}
	}
	return l.send(q, body)
}

func readBody(q *http.Request) ([]byte, error) {
	if q.Body == nil {
		return nil, nil
	}
	defer q.Body.Close()
	return io.ReadAll(q.Body)
}

func (l *line) send(q *http.Request, body []byte) (*http.Response, error) {
	c := q.Clone(q.Context())
	c.Body = io.NopCloser(bytes.NewReader(body))
	return inproc.New(l.d.run.server.Handler()).RoundTrip(c)
}

// deliver brings the late requests to the server.
func (r *run) deliver() {
	for _, q := range r.net.late {
		res, err := inproc.New(r.server.Handler()).RoundTrip(q)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			r.say("    late: %s %s: %d", q.Method, q.URL.Path, res.StatusCode)
		}
	}
	r.net.late = nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func answer(q *http.Request, code int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: q,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

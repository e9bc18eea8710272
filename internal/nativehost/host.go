// Package nativehost is what a Chromium starts to talk to its extension: it passes the
// extension's requests on to the agent that holds the profile, and the agent's events back.
// It reads messages on stdin and writes them to stdout, as browsers do in "native messaging".
//
// A request has an "id", which its answer repeats, and says in "do" what it asks for; an answer
// has "ok" or "error". A message with "push" instead comes by itself. The first request is
// "hello", with the versions. Long lists of the extension come in parts, and operations go to it
// in batches, so that no message is near the limits of browsers.
//
// The extension is not trusted with more than it needs: it reaches just the requests in this
// package, each with bounds, one at a time. What it sends faster than it may is not read.
package nativehost

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/engines/bookmarks/browsertree"
)

// Protocol is the version of what is said to the extension.
const Protocol = 1

// ExtensionID is the extension's ID, which the key in its manifest decides.
const ExtensionID = "fmhgenbhfglbnicafppjfciakkmamgem"

// Origin is how a browser names the extension to the program that it starts.
const Origin = "chrome-extension://" + ExtensionID + "/"

// Host is the configuration of a host. All fields must be set.
type Host struct {
	In  io.Reader
	Out io.Writer
	// Agent sends requests to the agent; their host is "agent".
	Agent *http.Client
	// Version is the version of this program.
	Version string
	Now     func() time.Time
	Log     *slog.Logger
}

// perSecond and burst bound the requests of an extension: of one that sends more, requests wait.
const (
	perSecond = 50
	burst     = 500
)

// session is a running host.
type session struct {
	Host
	out     sync.Mutex
	install string
	browser string
	session string
	// nodes are the parts of the browser's tree so far, ops what it is to do.
	nodes []browsertree.Node
	ops   []browsertree.Op
	// tokens are the requests that may come at once, as of since.
	tokens float64
	since  time.Time
}

// request is a request of the extension.
type request struct {
	ID int64  `json:"id"`
	Do string `json:"do"`
	// raw is the whole.
	raw []byte
}

// Failure is the error of an answer.
type Failure struct {
	// Code is for the program: "version", "malformed", "unknown", "agent", or one of the API's.
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return f.Message }

func failf(code, format string, args ...any) *Failure {
	return &Failure{code, fmt.Sprintf(format, args...)}
}

// Run serves the extension until the browser closes the input, or ctx ends.
func (h Host) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s := &session{Host: h, tokens: burst, since: h.Now()}
	type message struct {
		b   []byte
		err error
	}
	messages := make(chan message)
	go func() {
		in := bufio.NewReader(h.In)
		for {
			b, err := readMessage(in)
			select {
			case messages <- message{b, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop(nil)
	for {
		select {
		case m := <-messages:
			switch {
			case errors.Is(m.err, io.EOF):
				return nil
			case m.err != nil:
				s.push("error", failf("malformed", "%v", m.err))
				return m.err
			}
			greeted := s.install != ""
			if err := s.answer(ctx, m.b); err != nil {
				return err
			}
			if !greeted && s.install != "" {
				watching.Go(func() { stop(s.watch(ctx)) })
			}
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
				s.push("error", failf("agent", "%v", cause))
				return cause
			}
			return nil
		}
	}
}

// Refuse tells the extension why the host does not run.
func Refuse(out io.Writer, err error) error {
	return writeMessage(out, push{"error", failf("agent", "%v", err)})
}

// push is a message that comes by itself.
type push struct {
	Push  string   `json:"push"`
	Error *Failure `json:"error,omitempty"`
}

func (s *session) push(what string, f *Failure) { _ = s.send(push{what, f}) }

func (s *session) send(v any) error {
	s.out.Lock()
	defer s.out.Unlock()
	return writeMessage(s.Out, v)
}

// answer answers a request. An error ends the host.
func (s *session) answer(ctx context.Context, b []byte) error {
	if err := s.slow(ctx); err != nil {
		return nil
	}
	r := request{raw: b}
	reply := struct {
		ID    int64    `json:"id"`
		OK    any      `json:"ok,omitempty"`
		Error *Failure `json:"error,omitempty"`
	}{}
	var err error
	if json.Unmarshal(b, &r) != nil {
		err = failf("malformed", "the extension's message is not a request in JSON")
	} else {
		reply.OK, err = s.do(ctx, r)
	}
	reply.ID = r.ID
	if err != nil {
		var f *Failure
		if !errors.As(err, &f) {
			f = failf("agent", "%v", err)
		}
		reply.OK, reply.Error = nil, f
	}
	err = s.send(reply)
	if errors.Is(err, errTooLong) {
		reply.OK, reply.Error = nil, failf("tooLarge", "the answer is longer than the browser allows")
		err = s.send(reply)
	}
	return err
}

// slow waits until another request may be done.
func (s *session) slow(ctx context.Context) error {
	now := s.Now()
	s.tokens = min(burst, s.tokens+now.Sub(s.since).Seconds()*perSecond)
	s.since = now
	if s.tokens--; s.tokens >= 0 {
		return nil
	}
	wait := time.NewTimer(time.Second / perSecond)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

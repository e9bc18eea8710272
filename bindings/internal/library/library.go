// Package library is what libsyncmanager does, without C: profiles by number, and calls whose
// requests and answers are JSON.
package library

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/internal/home"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// maxAnswer bounds the answer of one call, in bytes. Longer lists are for the agent's door,
// which streams them.
const maxAnswer = 256 << 20

// Options are those of Open.
type Options struct {
	// ReadOnly and Secrets are the rights of the handle.
	ReadOnly bool `json:"readOnly"`
	Secrets  bool `json:"secrets"`
	// Engines are the engines that it may use; absent: all.
	Engines []string `json:"engines"`
	// WaitMs is how many milliseconds to wait for another process that uses the profile.
	WaitMs int `json:"waitMs"`
}

// Library has the open profiles. The zero value is ready to use. Its methods may be called from
// several goroutines at once.
type Library struct {
	// Version is the version of the program.
	Version string

	mu   sync.Mutex
	last uint64
	open map[uint64]*handle
}

// handle is an open profile.
type handle struct {
	profile *profile.Profile
	service *api.Service
	rights  api.Rights

	// ctx ends when the handle is closed; calls counts what must end before the profile is.
	ctx    context.Context
	cancel context.CancelFunc
	calls  sync.WaitGroup

	// events has the events that callers wait for.
	events chan api.Event
}

// failed is the JSON of an error.
func failed(err error) []byte {
	var e *api.Error
	if !errors.As(err, &e) {
		e = &api.Error{Code: api.CodeInternal, Message: err.Error()}
	}
	raw, _ := json.Marshal(map[string]any{"error": e}) // of texts alone
	return raw
}

// Open opens the profile in a folder, and makes it if it does not exist. The answer is
// {"handle":N} or {"error":…}.
func (l *Library) Open(folder string, options []byte) []byte {
	h, err := l.newHandle(folder, options)
	if err != nil {
		return failed(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = make(map[uint64]*handle)
	}
	l.last++
	l.open[l.last] = h
	return fmt.Appendf(nil, `{"handle":%d}`, l.last)
}

func (l *Library) newHandle(folder string, raw []byte) (_ *handle, err error) {
	var o Options
	if len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&o); err != nil {
			return nil, &api.Error{Code: api.CodeInvalid, Message: "the options are not valid: " + err.Error()}
		}
	}
	if folder == "" {
		return nil, &api.Error{Code: api.CodeInvalid, Message: "name the folder of the profile"}
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "this device"
	}
	h := &handle{rights: api.Rights{Engines: o.Engines, Write: !o.ReadOnly, Secrets: o.Secrets}, events: make(chan api.Event)}
	if o.Engines == nil {
		h.rights.Engines = []string{api.Every}
	}
	events := api.NewEvents(nil)
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.profile, err = profile.Open(h.ctx, profile.Config{
		Dir: folder, Hostname: host, Version: l.Version, Wait: time.Duration(o.WaitMs) * time.Millisecond,
		//nolint:forbidigo // here the real clock, randomness and network come in
		Now: time.Now, Rand: rand.Reader, Transport: http.DefaultTransport, Log: slog.New(slog.DiscardHandler), Progress: events.Progress,
	})
	if errors.Is(err, profile.ErrLocked) {
		return nil, &api.Error{Code: api.CodeBusy, Message: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	h.service, err = api.New(api.Config{Home: home.Home{Profile: h.profile, ProgramVersion: l.Version, Events: events}, Events: events})
	if err != nil {
		return nil, errors.Join(err, h.profile.Close())
	}
	h.calls.Go(func() { _ = h.service.Watch(h.ctx) }) // calls report why the home does not work
	sequence := events.Read(h.ctx, h.rights, "")
	h.calls.Go(func() {
		for v := range sequence {
			select {
			case h.events <- v:
			case <-h.ctx.Done():
				return
			}
		}
	})
	return h, nil
}

var errClosed = &api.Error{Code: api.CodeUnavailable, Message: "the handle is not open"}

// use returns an open handle, which stays open until done is called.
func (l *Library) use(n uint64) (h *handle, done func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.open[n]
	if !ok {
		return nil, nil, errClosed
	}
	h.calls.Add(1)
	return h, h.calls.Done, nil
}

// Call runs a verb. The answer is that of the verb, for a stream {"items":[…]}, or
// {"error":…}.
func (l *Library) Call(n uint64, verb string, request []byte) []byte {
	h, done, err := l.use(n)
	if err != nil {
		return failed(err)
	}
	defer done()
	answer, err := h.service.Call(h.ctx, h.rights, verb, request)
	if err != nil {
		return failed(err)
	}
	if answer.Items == nil {
		raw, err := json.Marshal(answer.Value)
		if err != nil {
			return failed(err)
		}
		return raw
	}
	raw, err := list(answer.Items)
	if err != nil {
		return failed(err)
	}
	return raw
}

// list is the JSON of all items.
func list(items iter.Seq2[any, error]) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(`{"items":[`)
	first := true
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		raw, err := json.Marshal(item)
		if err != nil {
			return nil, err
		}
		if out.Write(raw); out.Len() > maxAnswer {
			return nil, &api.Error{Code: api.CodeTooLarge, Message: "the list is too long for one answer; ask the agent"}
		}
	}
	out.WriteString("]}")
	return out.Bytes(), nil
}

// NextEvent waits for the next event, and returns it; nil if none came in time. If several
// callers wait, each event goes to one of them. timeout is in milliseconds; below zero: for
// ever.
func (l *Library) NextEvent(n uint64, timeout int) []byte {
	h, done, err := l.use(n)
	if err != nil {
		return failed(err)
	}
	defer done()
	var late <-chan time.Time
	if timeout >= 0 {
		timer := time.NewTimer(time.Duration(timeout) * time.Millisecond)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case v := <-h.events:
		raw, err := json.Marshal(v)
		if err != nil {
			return failed(err)
		}
		return raw
	case <-late:
		return nil
	case <-h.ctx.Done():
		return failed(errClosed)
	}
}

// Close closes a handle, after the calls that run have ended; those that wait end now. The
// answer is {} or {"error":…}. A handle that is closed already is such an error, and harmless.
func (l *Library) Close(n uint64) []byte {
	l.mu.Lock()
	h, ok := l.open[n]
	delete(l.open, n)
	l.mu.Unlock()
	if !ok {
		return failed(errClosed)
	}
	h.cancel()
	h.calls.Wait()
	if err := h.profile.Close(); err != nil {
		return failed(err)
	}
	return []byte("{}")
}

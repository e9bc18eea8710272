// Package door serves the verbs of package api over HTTP.
//
//	POST /v1/VERB          a request in JSON; the answer in JSON, or a stream
//	GET  /v1/events        events as they happen, as server-sent events
//	GET  /v1/openapi.json  the description of all this
//
// # Answers
//
// A verb that is not a stream answers with its value. A stream is application/x-ndjson: each
// line is an object with one member, "item", and the last one is {"end":{"items":N}} or
// {"error":…}. A stream without such a line was cut off. An error has the status of its code
// and the body {"error":{"code":…,"message":…}}.
//
// # Events
//
// Each event has an id. A reader that gives the last one it saw, as the header Last-Event-ID,
// gets what it missed, of the last 1,024 events; otherwise an event "lost" comes first. A
// comment comes at least every 15 seconds.
//
// # Who may call
//
// A client sends its token: "Authorization: Bearer …". [Config].Local are the rights of a
// caller without one, which are for a Unix socket that only the user can open. No web page gets
// through: a request with a header that browsers add to those of pages (Origin,
// Sec-Fetch-Site) is refused, and so is one whose Host is not in [Config].Hosts, which defeats
// DNS rebinding.
package door

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/api"
)

// Config configures a door. Service must be set.
type Config struct {
	Service *api.Service
	// Clients knows the clients with tokens. Nil: there are none.
	Clients Clients
	// Local are the rights of a caller without a token. The zero value lets it do nothing.
	Local *api.Rights
	// Hosts are the values that the header Host may have, such as "127.0.0.1:4711". Nil: any,
	// which is for a Unix socket, since no web page reaches that.
	Hosts []string
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Log receives errors that no client's request explains. Nil: nothing is logged.
	Log *slog.Logger

	// Stall is how long a client may take to read what was sent to it, or to send its
	// request; 0: 20 seconds. Then its connection is closed.
	Stall time.Duration
	// Heartbeat is the pause between two comments among the events; 0: 15 seconds.
	Heartbeat time.Duration
	// MaxCalls and MaxReaders bound how many calls and how many readers of events there may be
	// at once; 0: 64 and 128. PerSecond bounds the calls of one client; 0: 500.
	MaxCalls, MaxReaders, PerSecond int
}

// Clients finds clients by their tokens.
type Clients interface {
	// Find returns the client that has the token; ok is false if there is none.
	Find(token string) (c Client, ok bool, err error)
}

type door struct {
	Config
	calls, readers chan struct{}
	rate           rate
}

// New returns the handler of a door. It serves paths that begin with /v1/.
func New(c Config) http.Handler {
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // here the app's real clock comes in
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for _, usual := range []struct {
		field *int
		value int
	}{{&c.MaxCalls, 64}, {&c.MaxReaders, 128}, {&c.PerSecond, 500}} {
		if *usual.field == 0 {
			*usual.field = usual.value
		}
	}
	if c.Stall == 0 {
		c.Stall = 20 * time.Second
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	return &door{Config: c, calls: make(chan struct{}, c.MaxCalls), readers: make(chan struct{}, c.MaxReaders), rate: rate{perSecond: c.PerSecond}}
}

// Server returns a server for the handler of a door, with bounds on headers and on idle
// connections. The caller gives it a listener.
func Server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := d.serve(w, r); err != nil {
		d.fail(w, err)
	}
}

// serve answers a request. An error means that nothing was sent.
func (d *door) serve(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := d.fromApp(r); err != nil {
		return err
	}
	caller, err := d.identify(r)
	if err != nil {
		return err
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/v1/")
	switch {
	case !ok || name == "":
		return &api.Error{Code: api.CodeUnknownVerb, Message: "paths begin with /v1/ and have the name of a verb"}
	case name == "events":
		return d.events(w, r, caller)
	case name == "openapi.json":
		return d.openAPI(w, r)
	}
	return d.call(w, r, name, caller)
}

// fromApp returns an error for a request that a web page may have made.
func (d *door) fromApp(r *http.Request) error {
	refuse := func(message string) error { return &api.Error{Code: api.CodeForbidden, Message: message} }
	if d.Hosts != nil && !slices.Contains(d.Hosts, r.Host) {
		return refuse(fmt.Sprintf("this is not the server of %.100q", r.Host))
	}
	for name := range r.Header {
		if name == "Origin" || strings.HasPrefix(name, "Sec-Fetch-") {
			return refuse("web pages are not served here")
		}
	}
	return nil
}

// identify says who sends a request. This is the only place that does.
func (d *door) identify(r *http.Request) (Client, error) {
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		if d.Local == nil {
			return Client{}, &api.Error{Code: api.CodeUnauthorized, Message: "a token is needed: 'syncmanager agent client add NAME' makes one"}
		}
		return Client{Rights: *d.Local}, nil
	}
	token, ok := strings.CutPrefix(given[0], "Bearer ")
	if !ok || len(given) > 1 || d.Clients == nil {
		return Client{}, errToken
	}
	c, ok, err := d.Clients.Find(token)
	if err == nil && !ok {
		err = errToken
	}
	return c, err
}

var errToken = &api.Error{Code: api.CodeUnauthorized, Message: "the token is not one of a client, or no longer"}

// enter takes one of a bounded number of places.
func enter(places chan struct{}) (leave func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	default:
		return nil, &api.Error{Code: api.CodeTooMany, Message: "too many requests are in progress; try again later"}
	}
}

func (d *door) call(w http.ResponseWriter, r *http.Request, name string, caller Client) error {
	v, err := api.Lookup(name)
	if err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return &api.Error{Code: api.CodeMethod, Message: "verbs are called with POST"}
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &api.Error{Code: api.CodeMediaType, Message: "the Content-Type must be application/json"}
	}
	if !d.rate.allow(caller.Name, d.Now()) {
		return &api.Error{Code: api.CodeTooMany, Message: "this client sends too many requests; slow down"}
	}
	leave, err := enter(d.calls)
	if err != nil {
		return err
	}
	defer leave()
	request, err := d.body(w, r, v.MaxRequest)
	if err != nil {
		return err
	}
	answer, err := d.Service.Call(r.Context(), caller.Rights, name, request)
	if err != nil {
		return err
	}
	out := d.writer(w)
	if answer.Items != nil {
		return out.stream(answer.Items)
	}
	return out.value(answer.Value)
}

// body reads the request's body.
func (d *door) body(w http.ResponseWriter, r *http.Request, most int) ([]byte, error) {
	if err := http.NewResponseController(w).SetReadDeadline(d.Now().Add(d.Stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(most)))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &api.Error{Code: api.CodeTooLarge, Message: fmt.Sprintf("the request has more than %d bytes", most)}
	case err != nil:
		return nil, &api.Error{Code: api.CodeCancelled, Message: "the request did not arrive whole"}
	}
	return body, nil
}

// fail sends an error.
func (d *door) fail(w http.ResponseWriter, err error) {
	var e *api.Error
	if !errors.As(err, &e) {
		e = &api.Error{Code: api.CodeInternal, Message: err.Error()}
	}
	if e.Code == api.CodeInternal {
		d.Log.Error("a call failed", "err", err)
	}
	if e.Code == api.CodeUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	out := d.writer(w)
	out.status = e.Code.Status()
	_ = out.value(failure{e}) // a client that is gone
}

type failure struct {
	Error *api.Error `json:"error"`
}

func (d *door) openAPI(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		return &api.Error{Code: api.CodeMethod, Message: "the description is read with GET"}
	}
	return d.writer(w).value(json.RawMessage(api.OpenAPI()))
}

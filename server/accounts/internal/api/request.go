// Package api reads the requests of the accounts server's API, and writes its answers.
package api

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/intake"
	"github.com/syncmanager/syncmanager/internal/stretch"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/internal/messages"
)

// maxBody bounds a request's body, in bytes. The largest real one is a command
// with an encrypted payload.
const maxBody = 256 << 10

// Request is an HTTP request whose body was read.
type Request struct {
	*http.Request
	Body []byte
}

// Handler answers a request: with a value for the JSON body, with a [Raw], or with an error.
// The error is a [*fault.Error] for the client, or an internal error of the server.
type Handler func(*Request) (any, error)

// Check refuses a request before its body is read.
type Check func(*http.Request) error

// A Server routes requests to handlers.
type Server struct {
	Mux *http.ServeMux
	Now func() time.Time
	Log *slog.Logger
	// Unavailable, if set, reports whether an error that is not a [*fault.Error] means that the
	// database cannot be used for now.
	Unavailable func(error) bool
	// Refused is called for each request that is refused.
	Refused func(*http.Request, *fault.Error)
}

// Handle registers a handler for a pattern, such as "POST /auth/v1/account/login".
func (s *Server) Handle(pattern string, check Check, h Handler) {
	s.HandleUpTo(maxBody, pattern, check, h)
}

// HandleUpTo is Handle for bodies of at most max bytes.
func (s *Server) HandleUpTo(max int64, pattern string, check Check, h Handler) {
	s.Mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		out, err := run(max, check, h, w, r)
		s.answer(w, r, out, err)
	})
}

func run(max int64, check Check, h Handler, w http.ResponseWriter, r *http.Request) (any, error) {
	if err := check(r); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, max))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, fault.ErrTooLarge
		}
		switch {
		case errors.Is(err, intake.ErrBusy):
			return nil, fault.Busy()
		case errors.Is(err, intake.ErrSlow):
			return nil, fault.ErrSlow
		}
		return nil, fault.ErrJSON // the client went away in the middle
	}
	q := &Request{Request: r, Body: body}
	q.Request = r.WithContext(messages.With(stretch.From(r.Context(), q.Address()), r.Header.Get("Accept-Language")))
	return h(q)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, out any, err error) {
	code := http.StatusOK
	if err != nil {
		f, ok := errors.AsType[*fault.Error](err)
		if !ok {
			if r.Context().Err() == nil { // else the client left, and gets no answer
				s.Log.ErrorContext(r.Context(), "accounts request failed", "path", r.URL.Path, "err", err)
			}
			f = fault.ErrServer
			if s.Unavailable != nil && s.Unavailable(err) {
				f = fault.Busy()
			}
		}
		s.Refused(r, f)
		if f.Retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.Retry.Seconds())))
		}
		code, out = f.Code, f.Body()
	}
	if raw, ok := out.(Raw); ok {
		raw.write(w)
		return
	}
	b, err := json.Marshal(out)
	if err != nil {
		s.Log.ErrorContext(r.Context(), "cannot encode an answer", "path", r.URL.Path, "err", err)
		code, b = http.StatusInternalServerError, []byte("{}")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Timestamp", strconv.FormatInt(s.Now().Unix(), 10))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(code)
	_, _ = w.Write(b)
}

// Raw is an answer that is not plain JSON.
type Raw struct {
	Code   int
	Header map[string]string
	Body   []byte
}

func (a Raw) write(w http.ResponseWriter) {
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.Code)
	_, _ = w.Write(a.Body)
}

// Nothing is the answer of a request without a result.
var Nothing = struct{}{}

// Decode reads the JSON body into v. An empty body is an empty object.
func (r *Request) Decode(v any) error {
	if len(bytes.TrimSpace(r.Body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
			return fault.Invalid(wrong.Field)
		}
		return fault.ErrJSON
	}
	return nil
}

// Address returns the rate-limit key of a request: the sender's address, or the /64 network of
// an IPv6 address, which one customer gets.
func (r *Request) Address() string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	a := peer.Addr().Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// Network returns the /48 network of an IPv6 address, which one site gets, or "".
func (r *Request) Network() string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	a := peer.Addr().Unmap().WithZone("")
	if !a.Is6() {
		return ""
	}
	p, err := a.Prefix(48)
	if err != nil {
		return ""
	}
	return p.String()
}

// Program returns the client's user agent, shortened.
func (r *Request) Program() string { return Cut(r.UserAgent(), 256) }

// Cut shortens s to at most n bytes, at the end of a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// Unhex reads n bytes of hexadecimal.
func Unhex(s string, n int) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	return b, err == nil && len(b) == n
}

// Key reads a 32-byte parameter.
func Key(name, value string) ([]byte, error) {
	if value == "" {
		return nil, fault.Missing(name)
	}
	b, ok := Unhex(value, 32)
	if !ok {
		return nil, fault.Invalid(name)
	}
	return b, nil
}

// JSON is a JSON answer with headers of its own.
func JSON(code int, v any, header map[string]string) (Raw, error) {
	b, err := json.Marshal(v)
	h := map[string]string{"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
	for k, v := range header {
		h[k] = v
	}
	return Raw{Code: code, Header: h, Body: b}, err
}

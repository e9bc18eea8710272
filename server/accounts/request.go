package accounts

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/syncmanager/syncmanager/internal/intake"
	"github.com/syncmanager/syncmanager/internal/stretch"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
)

// maxBody bounds a request's body, in bytes. The largest real one is a command
// with an encrypted payload.
const maxBody = 256 << 10

// request is an HTTP request whose body was read.
type request struct {
	*http.Request
	body []byte
}

// handler answers a request: with a value for the JSON body, or a *fault.Error, or
// another error that is the server's own.
type handler func(*request) (any, error)

// handle serves pattern, like "POST /auth/v1/account/login".
func (s *Service) handle(pattern string, h handler) { s.handleUpTo(maxBody, pattern, h) }

// handleUpTo serves pattern, with a body of at most max bytes.
func (s *Service) handleUpTo(max int64, pattern string, h handler) {
	check := s.known
	if method, path, ok := strings.Cut(pattern, " "); !ok || method == http.MethodGet || isOpen(path) {
		check = s.knownSigner
	}
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		out, err := s.run(max, check, h, w, r)
		s.answer(w, r, out, err)
	})
}

// openPaths are the ends of the paths to which a request needs no Authorization header:
// what it may do is proved in its body, if at all.
var openPaths = []string{
	"/account/create", "/account/login", "/account/credentials/status", "/account/status", "/account/destroy",
	"/password/change/start", "/recoveryKey/start", "/get_random_bytes",
	"/oauth/token", "/oauth/destroy", "/oauth/verify", "/oauth/introspect",
	"/oauth/v1/token", "/oauth/v1/destroy", "/oauth/v1/verify", "/oauth/v1/introspect",
}

func isOpen(path string) bool {
	return slices.ContainsFunc(openPaths, func(end string) bool { return strings.HasSuffix(path, end) })
}

func (s *Service) run(max int64, check func(*http.Request) error, h handler, w http.ResponseWriter, r *http.Request) (any, error) {
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
	q := &request{Request: r, body: body}
	q.Request = r.WithContext(stretch.From(r.Context(), q.address()))
	return h(q)
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request, out any, err error) {
	code := http.StatusOK
	if err != nil {
		f, ok := errors.AsType[*fault.Error](err)
		if !ok {
			if r.Context().Err() == nil { // else the client left, and hears nothing of it
				s.cfg.Log.ErrorContext(r.Context(), "accounts request failed", "path", r.URL.Path, "err", err)
			}
			f = fault.ErrServer
		}
		s.audit(r, f)
		if f.Retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.Retry.Seconds())))
		}
		code, out = f.Code, f.Body()
	}
	if raw, ok := out.(rawAnswer); ok {
		raw.write(w)
		return
	}
	b, err := json.Marshal(out)
	if err != nil {
		s.cfg.Log.ErrorContext(r.Context(), "cannot encode an answer", "path", r.URL.Path, "err", err)
		code, b = http.StatusInternalServerError, []byte("{}")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Timestamp", strconv.FormatInt(s.cfg.Now().Unix(), 10))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(code)
	_, _ = w.Write(b)
}

// rawAnswer is an answer that is not simply JSON.
type rawAnswer struct {
	code   int
	header map[string]string
	body   []byte
}

func (a rawAnswer) write(w http.ResponseWriter) {
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.code)
	_, _ = w.Write(a.body)
}

// nothing is the answer of what only does something.
var nothing = struct{}{}

// decode reads the JSON body into v. An empty body is an empty object.
func (r *request) decode(v any) error {
	if len(bytes.TrimSpace(r.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
			return fault.Invalid(wrong.Field)
		}
		return fault.ErrJSON
	}
	return nil
}

// address is whom to count requests by: the sender's address, or of an IPv6
// address the /64 network, which is what one customer gets.
func (r *request) address() string {
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

// network is the /48 network of an IPv6 address, which is what a site gets, or "".
func (r *request) network() string {
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

func (r *request) userAgent() string { return cut(r.UserAgent(), 256) }

// cut shortens s to at most n bytes, at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// unhex reads n bytes of hexadecimal.
func unhex(s string, n int) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	return b, err == nil && len(b) == n
}

// key reads a 32-byte parameter.
func key(name, value string) ([]byte, error) {
	if value == "" {
		return nil, fault.Missing(name)
	}
	b, ok := unhex(value, 32)
	if !ok {
		return nil, fault.Invalid(name)
	}
	return b, nil
}

// jsonAnswer is a JSON answer with headers of its own.
func jsonAnswer(code int, v any, header map[string]string) (rawAnswer, error) {
	b, err := json.Marshal(v)
	h := map[string]string{"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
	for k, v := range header {
		h[k] = v
	}
	return rawAnswer{code: code, header: h, body: b}, err
}

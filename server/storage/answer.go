package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

// The codes that the body of an error may be.
const (
	codeNone       = 0
	codeHeader     = 1
	codeRecord     = 8
	codeCollection = 13
	codeQuota      = 14
	codeLimit      = 17
)

// refusal is the error of a request that is refused.
type refusal struct {
	status, code int
	allow        string // for 405
}

func (e *refusal) Error() string {
	return fmt.Sprintf("refused with status %d and code %d", e.status, e.code)
}

var (
	badRequest    = &refusal{status: http.StatusBadRequest}
	badHeader     = &refusal{status: http.StatusBadRequest, code: codeHeader}
	badBody       = &refusal{status: http.StatusBadRequest, code: codeRecord}
	badCollection = &refusal{status: http.StatusBadRequest, code: codeCollection}
	overLimit     = &refusal{status: http.StatusBadRequest, code: codeLimit}
	unauthorized  = &refusal{status: http.StatusUnauthorized}
	overQuota     = &refusal{status: http.StatusForbidden, code: codeQuota}
	notFound      = &refusal{status: http.StatusNotFound}
	tooSlow       = &refusal{status: http.StatusRequestTimeout}
	notAcceptable = &refusal{status: http.StatusNotAcceptable}
	tooLarge      = &refusal{status: http.StatusRequestEntityTooLarge, code: codeLimit}
	unsupported   = &refusal{status: http.StatusUnsupportedMediaType}
	tooMany       = &refusal{status: http.StatusTooManyRequests}
	failed        = &refusal{status: http.StatusInternalServerError}
	unavailable   = &refusal{status: http.StatusServiceUnavailable}
)

func notAllowed(r resource) error {
	var allow []string
	for m := range methods[r] {
		allow = append(allow, m)
	}
	slices.Sort(allow)
	return &refusal{status: http.StatusMethodNotAllowed, allow: strings.Join(allow, ", ")}
}

// unmet is a condition that does not hold: 304 or 412.
type unmet struct {
	status   int
	modified bso.Timestamp
}

func (e *unmet) Error() string { return "the condition does not hold" }

// answer writes one response.
type answer struct {
	w       http.ResponseWriter
	started bso.Timestamp // by the clock
	lines   bool          // the client wants application/newlines
	begun   bool          // the status line is out
	backoff time.Duration // for which clients are to stay away; 0: none
}

// head sends the status and the headers that every answer has.
func (a *answer) head(status int, contentType string, modified *bso.Timestamp) {
	h := a.w.Header()
	now := a.started
	if modified != nil {
		// A client may compare the two times.
		now = max(now, *modified)
		h["X-Last-Modified"] = []string{modified.String()}
	}
	h["X-Weave-Timestamp"] = []string{now.String()}
	if a.backoff > 0 && status < http.StatusBadRequest {
		h["X-Weave-Backoff"] = []string{Seconds(a.backoff)}
	}
	if contentType != "" {
		h["Content-Type"] = []string{contentType}
	}
	a.begun = true
	a.w.WriteHeader(status)
}

// send sends a success with a body of JSON.
func (a *answer) send(status int, modified bso.Timestamp, body []byte) error {
	a.w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	a.head(status, jsonType, &modified)
	_, err := a.w.Write(body)
	return err
}

// A client waits retryLater seconds if the server has no room, and retrySoon if the storage
// is busy, out of reach or closing.
const (
	retryLater = "1800"
	retrySoon  = "10"
)

// causes are what else may go wrong than that a request is refused: after how long the client may try again, and whether
// the operator is told.
var causes = []struct {
	is     error
	retry  string
	report bool
}{
	{ErrBusy, retrySoon, false},
	{ErrFenced, retrySoon, false},
	{ErrClosed, retrySoon, false},
	{ErrUnreachable, retrySoon, true},
	{ErrFull, retryLater, true},
	{ErrBatches, retryLater, true},
}

// fail answers a request that failed.
func (s *Service) fail(a *answer, r *http.Request, err error) {
	if a.begun {
		// Part of the body was sent. The connection is cut, so that it does not look complete.
		if r.Context().Err() == nil {
			s.report(r, err)
		}
		panic(http.ErrAbortHandler)
	}
	h := a.w.Header()
	h.Del("X-Weave-Records") // they describe a success
	h.Del("X-Weave-Next-Offset")
	if condition, ok := errors.AsType[*unmet](err); ok {
		a.unmet(condition)
		return
	}
	no := s.refusalOf(h, r, err)
	switch no.status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", no.allow)
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Hawk")
	}
	a.head(no.status, jsonType, nil)
	_, _ = a.w.Write(strconv.AppendInt(nil, int64(no.code), 10))
}

// unmet answers a request whose condition does not hold.
func (a *answer) unmet(condition *unmet) {
	body := jsonType
	if condition.status == http.StatusNotModified {
		body = ""
	}
	a.head(condition.status, body, &condition.modified)
	if body != "" {
		_, _ = a.w.Write([]byte{'0'})
	}
}

// refusalOf returns what a client is told of an error, and adds to the header when it may try again.
func (s *Service) refusalOf(h http.Header, r *http.Request, err error) *refusal {
	if no, ok := errors.AsType[*refusal](err); ok {
		return no
	}
	if errors.Is(err, ErrUnauthorized) { // by a step on the backend
		return unauthorized
	}
	if errors.Is(err, ErrOverloaded) {
		h.Set("Retry-After", Seconds(s.gate.Wait()))
		return unavailable
	}
	for _, c := range causes {
		if errors.Is(err, c.is) {
			if c.report {
				s.report(r, err)
			}
			h.Set("Retry-After", c.retry)
			return unavailable
		}
	}
	if r.Context().Err() != nil || errors.Is(err, context.Canceled) { // the client has gone
		h.Set("Retry-After", retrySoon)
		return unavailable
	}
	s.report(r, err)
	return failed
}

// report logs a failure of the server. It leaves out the path, which contains record IDs.
func (s *Service) report(r *http.Request, err error) {
	s.log.ErrorContext(r.Context(), "a storage request failed", "method", r.Method, "error", err)
}

package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// Code says what kind of error an [Error] is. Codes are stable: clients may depend on them.
type Code string

// The codes.
const (
	// CodeInvalid means that the request, or the item in it, is not valid.
	CodeInvalid Code = "invalid"
	// CodeUnknownField means that the verb does not have a field of the request.
	CodeUnknownField Code = "unknown_field"
	// CodeUnknownVerb means that there is no such verb.
	CodeUnknownVerb Code = "unknown_verb"
	// CodeNotFound means that there is no such item, device or sync.
	CodeNotFound Code = "not_found"
	// CodeConflict means that the item changed since it was read. Nothing was changed.
	CodeConflict Code = "conflict"
	// CodeDuplicate means that there is such an item already; ID names it.
	CodeDuplicate Code = "duplicate"
	// CodeNotEmpty means that a folder is not empty.
	CodeNotEmpty Code = "not_empty"
	// CodeReadOnly means that the item cannot be edited here.
	CodeReadOnly Code = "read_only"
	// CodeDone means that it was done already, and cannot be done or undone again.
	CodeDone Code = "done_already"
	// CodeBusy means that a sync is running; try again later.
	CodeBusy Code = "busy"
	// CodeSignIn means that the account needs the user to sign in.
	CodeSignIn Code = "sign_in"
	// CodeBackedOff means that the service asked to wait until RetryAt.
	CodeBackedOff Code = "backed_off"
	// CodeUnauthorized means that the caller did not prove who it is.
	CodeUnauthorized Code = "unauthorized"
	// CodeForbidden means that the caller has no right to do this.
	CodeForbidden Code = "forbidden"
	// CodeTooLarge means that the request, or what it asks for, is too large.
	CodeTooLarge Code = "too_large"
	// CodeTooMany means that the caller sends too many requests.
	CodeTooMany Code = "too_many_requests"
	// CodeMediaType means that the request is not application/json.
	CodeMediaType Code = "unsupported_media_type"
	// CodeMethod means that the address does not have the method.
	CodeMethod Code = "method_not_allowed"
	// CodeUndecryptable means that stored data cannot be decrypted on this device.
	CodeUndecryptable Code = "undecryptable"
	// CodeUnavailable means that the service or an engine is closed or does not work.
	CodeUnavailable Code = "unavailable"
	// CodeCancelled means that the caller ended the call.
	CodeCancelled Code = "cancelled"
	// CodeInternal is anything else.
	CodeInternal Code = "internal"
)

// statuses are the HTTP statuses of the codes.
var statuses = map[Code]int{
	CodeInvalid: http.StatusBadRequest, CodeUnknownField: http.StatusBadRequest, CodeUnknownVerb: http.StatusNotFound,
	CodeNotFound: http.StatusNotFound, CodeConflict: http.StatusConflict, CodeDuplicate: http.StatusConflict,
	CodeNotEmpty: http.StatusConflict, CodeReadOnly: http.StatusConflict, CodeDone: http.StatusConflict,
	CodeBusy: http.StatusConflict, CodeSignIn: http.StatusConflict, CodeBackedOff: http.StatusServiceUnavailable,
	CodeUnauthorized: http.StatusUnauthorized, CodeForbidden: http.StatusForbidden, CodeTooLarge: http.StatusRequestEntityTooLarge,
	CodeTooMany: http.StatusTooManyRequests, CodeMediaType: http.StatusUnsupportedMediaType, CodeMethod: http.StatusMethodNotAllowed,
	CodeUndecryptable: http.StatusInternalServerError, CodeUnavailable: http.StatusServiceUnavailable,
	CodeCancelled: http.StatusRequestTimeout, CodeInternal: http.StatusInternalServerError,
}

// Status is the HTTP status of the code.
func (c Code) Status() int {
	if status, ok := statuses[c]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Error is why a call failed.
type Error struct {
	Code Code `json:"code"`
	// Message is one sentence for a person. It may change.
	Message string `json:"message"`
	// Field is the field of the request that is wrong, such as "tags[2]", or absent.
	Field string `json:"field,omitempty"`
	// ID is the other item of [CodeDuplicate], or absent.
	ID engine.ID `json:"id,omitempty"`
	// RetryAt is when to try again, if that is known.
	RetryAt *time.Time `json:"retryAt,omitempty"`

	cause error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.cause }

// sentinels are the codes of errors that are sentinels. The first that fits counts.
var sentinels = []struct {
	err  error
	code Code
}{
	{errConflict, CodeConflict},
	{errNotEmpty, CodeNotEmpty},
	{engine.ErrNotFound, CodeNotFound},
	{engine.ErrNoRun, CodeNotFound},
	{syncmanager.ErrUnknownDevice, CodeNotFound},
	{syncmanager.ErrUnknownEngine, CodeNotFound},
	{engine.ErrReadOnly, CodeReadOnly},
	{bookmarks.ErrRoot, CodeReadOnly},
	{engine.ErrUndone, CodeDone},
	{tabs.ErrSent, CodeDone},
	{tabs.ErrTooManyCloses, CodeTooLarge},
	{engine.ErrInvalid, CodeInvalid},
	{bookmarks.ErrNotFolder, CodeInvalid},
	{bookmarks.ErrCycle, CodeInvalid},
	{history.ErrHost, CodeInvalid},
	{engine.ErrUndecryptable, CodeUndecryptable},
	{engine.ErrKey, CodeUndecryptable},
	{syncmanager.ErrBusy, CodeBusy},
	{syncmanager.ErrSignedOut, CodeSignIn},
	{syncmanager.ErrClosed, CodeUnavailable},
	{engine.ErrClosed, CodeUnavailable},
	{context.Canceled, CodeCancelled},
	{context.DeadlineExceeded, CodeCancelled},
}

// asError returns err as an *Error, or nil.
func asError(err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	e := &Error{Code: CodeInternal, Message: err.Error(), cause: err}
	var (
		duplicate *engine.DuplicateError
		waits     *syncmanager.BackedOffError
		refused   *syncmanager.AuthError
		again     interface{ SignInAgain() bool }
	)
	switch {
	case errors.As(err, &duplicate):
		e.Code, e.ID = CodeDuplicate, duplicate.ID
		return e
	case errors.As(err, &waits):
		until := waits.Until.UTC()
		e.Code, e.RetryAt = CodeBackedOff, &until
		return e
	case errors.As(err, &refused), errors.As(err, &again) && again.SignInAgain():
		e.Code = CodeSignIn
		return e
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			e.Code = s.code
			return e
		}
	}
	return e
}

var errNotEmpty = errors.New("the folder is not empty; say contents to delete what is in it, too")

// invalidf refuses a request.
func invalidf(field, message string) error {
	return &Error{Code: CodeInvalid, Field: field, Message: message}
}

package account

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Errors that a caller can test for with [errors.Is].
var (
	// ErrWrongPassword means that no account has this address and password.
	ErrWrongPassword = errors.New("the e-mail address or the password is wrong")
	// ErrExists means that the address already has an account.
	ErrExists = errors.New("there is an account with this e-mail address already; sign in to it")
	// ErrSignUpClosed means that the server does not accept new accounts, or only with a
	// valid invitation.
	ErrSignUpClosed = errors.New("this server does not accept new accounts, or only with an invitation")
	// ErrNoMail means that the server could not send a required e-mail.
	ErrNoMail = errors.New("the server could not send the e-mail with the code; try again later")
	// ErrSignedOut means that the session has ended and the user must sign in again.
	ErrSignedOut = errors.New("this device was signed out; sign in again")
	// ErrPasswordChanged wraps [ErrSignedOut]: the account's password was changed on another
	// device, or reset.
	ErrPasswordChanged error = &endedError{"the account's password was changed; sign in again with the new one"}
	// ErrAccountDeleted wraps [ErrSignedOut]: the account does not exist any more, so signing
	// in again does not help.
	ErrAccountDeleted error = &endedError{"the account was deleted; the data on this device is kept, and can join another account"}
	// ErrTooMany means that the server asks the client to wait; see [Error.RetryAfter].
	ErrTooMany = errors.New("too many tries")
	// ErrBadAnswer means that the response is not from a working accounts server.
	ErrBadAnswer = errors.New("the answer is not that of an accounts server")
)

// endedError is a reason why a session ended.
type endedError struct{ text string }

func (e *endedError) Error() string { return e.text }
func (e *endedError) Unwrap() error { return ErrSignedOut }

// These are the errno values of the accounts server.
const (
	errnoExists       = 101
	errnoUnknown      = 102
	errnoPassword     = 103
	errnoToken        = 110
	errnoTimestamp    = 111
	errnoTooMany      = 114
	errnoEmailCase    = 120
	errnoNoDevice     = 123
	errnoConflict     = 124
	errnoBlocked      = 125
	errnoUnblockCode  = 127
	errnoNoMail       = 151
	errnoBackupCode   = 156
	errnoScope        = 163
	errnoCode         = 183
	errnoSignUpClosed = 202
)

// Error is an error response of an accounts server.
type Error struct {
	Status  int    // the HTTP status
	Errno   int    // the accounts server's error number, or 0
	Message string // the server's message, in English

	retryAfter time.Duration
	serverTime int64
	email      string
	deviceID   string
	// why is the reason for the end of a session, or nil if unknown.
	why error
	// unblockable says that a blocked request can be allowed with a code by e-mail.
	unblockable bool
}

func (e *Error) Error() string {
	if cause := e.Unwrap(); cause != nil {
		if e.retryAfter > 0 {
			return fmt.Sprintf("%v; try again in %v", cause, e.retryAfter)
		}
		return cause.Error()
	}
	if e.Message == "" {
		return fmt.Sprintf("the accounts server failed (HTTP %d)", e.Status)
	}
	return fmt.Sprintf("the accounts server refused: %s (HTTP %d, errno %d)", e.Message, e.Status, e.Errno)
}

// Unwrap returns the matching error variable of this package, or nil.
func (e *Error) Unwrap() error {
	switch {
	case e.SignInAgain():
		return cmp.Or(e.why, ErrSignedOut)
	case e.Errno == errnoTooMany || e.Status == http.StatusTooManyRequests:
		return ErrTooMany
	}
	switch e.Errno {
	case errnoUnknown, errnoPassword:
		return ErrWrongPassword
	case errnoUnblockCode, errnoBackupCode, errnoCode:
		return ErrWrongCode
	case errnoNoMail:
		return ErrNoMail
	case errnoExists:
		return ErrExists
	case errnoSignUpClosed:
		return ErrSignUpClosed
	case errnoScope:
		return ErrScope
	}
	return nil
}

// SignInAgain reports whether the user must sign in again: the session was ended by another
// device, or the account was deleted.
func (e *Error) SignInAgain() bool {
	return e.Status == http.StatusUnauthorized && e.Errno == errnoToken
}

// RetryAfter returns how long the server asks the client to wait, or 0.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }

// readError reads an error response.
func readError(res *http.Response, body []byte, now time.Time) error {
	var in struct {
		Errno      int     `json:"errno"`
		Message    string  `json:"message"`
		RetryAfter float64 `json:"retryAfter"` // seconds
		ServerTime int64   `json:"serverTime"`
		Email      string  `json:"email"`
		DeviceID   string  `json:"deviceId"`
		Method     string  `json:"verificationMethod"`
	}
	wait := retryAfter(res.Header.Get("Retry-After"), now)
	if err := json.Unmarshal(body, &in); err != nil {
		if res.StatusCode >= 500 || wait > 0 {
			return &Error{Status: res.StatusCode, retryAfter: wait}
		}
		return fmt.Errorf("%w: %s", ErrBadAnswer, whatCame(res, body))
	}
	return &Error{
		Status: res.StatusCode, Errno: in.Errno, Message: fmt.Sprintf("%.200s", in.Message),
		retryAfter: max(wait, time.Duration(min(in.RetryAfter, 1e6)*float64(time.Second))),
		serverTime: in.ServerTime, email: in.Email, deviceID: in.DeviceID,
		unblockable: in.Method == "email-captcha",
	}
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

// whatCame describes what was received instead of JSON, without quoting it.
func whatCame(res *http.Response, body []byte) string {
	what := "something that is not JSON"
	switch trimmed := bytes.TrimSpace(body); {
	case len(trimmed) == 0:
		what = "nothing"
	case trimmed[0] == '<':
		what = "a web page"
	case json.Valid(trimmed):
		what = "JSON of another form"
	}
	return fmt.Sprintf("%s sent %s (HTTP %d)", res.Request.URL.Host, what, res.StatusCode)
}

// HTTPStatus returns e.Status: it is how a caller knows an answer's code in an error of any
// package.
func (e *Error) HTTPStatus() int { return e.Status }

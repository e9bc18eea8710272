// Package fault has the errors that the accounts server returns to clients, with the format and
// errno values of Mozilla's accounts server. Clients decide by errno.
package fault

import (
	"net/http"
	"time"
)

// An Error is the refusal of a request, as the client receives it.
type Error struct {
	Code    int // of HTTP
	Errno   int
	Message string
	// Retry is how long the client must wait before it tries again; 0: the answer does not say.
	Retry   time.Duration
	details Details
}

// Details are further fields of an answer, each with the errors that it belongs to.
type Details struct {
	ClientID           string      `json:"clientId,omitempty"`
	DeviceID           string      `json:"deviceId,omitempty"`
	Email              string      `json:"email,omitempty"`
	InvalidScopes      string      `json:"invalidScopes,omitempty"`
	Param              string      `json:"param,omitempty"`
	RetryAfter         int         `json:"retryAfter,omitempty"` // seconds
	ServerTime         int64       `json:"serverTime,omitempty"` // seconds since 1970
	Validation         *Validation `json:"validation,omitempty"`
	VerificationMethod string      `json:"verificationMethod,omitempty"`
}

// Validation names parameters that are wrong.
type Validation struct {
	Keys []string `json:"keys"`
}

// Body is the JSON of an answer.
type Body struct {
	Code    int    `json:"code"`
	Errno   int    `json:"errno"`
	Error   string `json:"error"`
	Message string `json:"message"`
	Info    string `json:"info"`
	Details
}

// New returns an error with a status of HTTP and an errno.
func New(code, errno int, message string) *Error {
	return &Error{Code: code, Errno: errno, Message: message}
}

func (e *Error) Error() string { return e.Message }

// Is makes an error with details match the error it was made from.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Errno == e.Errno && t.Code == e.Code && t.Message == e.Message
}

// With returns a copy of e with details.
func (e *Error) With(d Details) *Error {
	c := *e
	c.details = d
	return &c
}

// Body returns the answer to the client.
func (e *Error) Body() Body {
	return Body{
		Code: e.Code, Errno: e.Errno, Error: http.StatusText(e.Code), Message: e.Message,
		Info:    "https://mozilla.github.io/ecosystem-platform/api#section/Response-format",
		Details: e.details,
	}
}

// after returns a copy of e that tells the client how long to wait.
func (e *Error) after(wait time.Duration) *Error {
	seconds := int((wait + time.Second - 1) / time.Second)
	c := e.With(Details{RetryAfter: seconds})
	c.Retry = time.Duration(seconds) * time.Second
	return c
}

const (
	// busyFor is how long a client must wait when the server had no capacity.
	busyFor = 5 * time.Second
	// fullFor is how long a client waits while the disk is full.
	fullFor = 30 * time.Minute
)

// Throttled refuses a client that tried too often, and says how long it must wait.
func Throttled(wait time.Duration) *Error { return ErrThrottled.after(wait) }

// Busy says that the server has no capacity at the moment.
func Busy() *Error { return ErrBusy.after(busyFor) }

// Full says that the server's disk has no room.
func Full() *Error { return ErrFull.after(fullFor) }

// Invalid says which parameter is wrong.
func Invalid(parameter string) *Error {
	return ErrParameter.With(Details{Validation: &Validation{[]string{parameter}}})
}

// Missing says which parameter is missing.
func Missing(parameter string) *Error {
	return ErrMissing.With(Details{Param: parameter})
}

// These are the errors. Further fields are added to a copy; see [Error.With].
var (
	ErrAccountExists  = New(http.StatusBadRequest, 101, "Account already exists")
	ErrPassword       = New(http.StatusBadRequest, 103, "Incorrect password")
	ErrUnconfirmed    = New(http.StatusBadRequest, 104, "Unconfirmed account")
	ErrJSON           = New(http.StatusBadRequest, 106, "Invalid JSON in request body")
	ErrParameter      = New(http.StatusBadRequest, 107, "Invalid parameter in request body")
	ErrMissing        = New(http.StatusBadRequest, 108, "Missing parameter in request body")
	ErrSignature      = New(http.StatusUnauthorized, 109, "Invalid request signature")
	ErrToken          = New(http.StatusUnauthorized, 110, "Invalid authentication token in request signature")
	ErrTimestamp      = New(http.StatusUnauthorized, 111, "Invalid timestamp in request signature")
	ErrTooLarge       = New(http.StatusRequestEntityTooLarge, 113, "Request body too large")
	ErrThrottled      = New(http.StatusTooManyRequests, 114, "Client has sent too many requests")
	ErrNonce          = New(http.StatusUnauthorized, 115, "Invalid nonce in request signature")
	ErrEmailCase      = New(http.StatusBadRequest, 120, "Incorrect email case")
	ErrLocked         = New(http.StatusBadRequest, 121, "Account is locked")
	ErrUnknownDevice  = New(http.StatusBadRequest, 123, "Unknown device")
	ErrDeviceConflict = New(http.StatusBadRequest, 124, "Session already registered by another device")
	ErrUnverified     = New(http.StatusBadRequest, 138, "Unconfirmed session")
	ErrMail           = New(http.StatusUnprocessableEntity, 151, "The e-mail with the code could not be sent; try again later")
	ErrTOTPExists     = New(http.StatusBadRequest, 154, "TOTP token already exists for this account.")
	ErrTOTPMissing    = New(http.StatusBadRequest, 155, "TOTP token not found")
	ErrBackupCode     = New(http.StatusBadRequest, 156, "Backup authentication code not found")
	ErrRecoveryKey    = New(http.StatusBadRequest, 158, "Recovery key not found")
	ErrRecoveryExists = New(http.StatusBadRequest, 161, "Recovery key already exists.")
	ErrCode           = New(http.StatusBadRequest, 183, "Invalid or expired confirmation code")
	ErrCommand        = New(http.StatusBadRequest, 157, "Unavailable device command.")
	ErrClient         = New(http.StatusBadRequest, 162, "Unknown client_id")
	ErrScope          = New(http.StatusBadRequest, 163, "Requested scopes are not allowed")
	ErrResponseType   = New(http.StatusBadRequest, 168, "Invalid response_type")
	ErrPKCE           = New(http.StatusBadRequest, 169, "Public clients require PKCE OAuth parameters")
	ErrProof          = New(http.StatusUnauthorized, 164, "Show your password again, and the code if the account has two-step sign-in")
	ErrUnknownCode    = New(http.StatusBadRequest, 172, "Unknown authorization code")
	ErrCodeClient     = New(http.StatusBadRequest, 173, "Mismatch authorization code")
	ErrExpiredCode    = New(http.StatusBadRequest, 174, "Expired authorization code")
	ErrChallenge      = New(http.StatusBadRequest, 175, "Invalid PKCE challenge")
	ErrSignUpClosed   = New(http.StatusForbidden, 202, "Sign-up is closed on this server")
	ErrInvitation     = New(http.StatusForbidden, 202, "Sign-up needs an invitation that is still good")
	ErrNotOperator    = New(http.StatusForbidden, 203, "This account is not an operator's")
	ErrOperatorStep   = New(http.StatusForbidden, 204, "An operator needs two-step sign-in: turn it on in the settings first")
	ErrBusy           = New(http.StatusServiceUnavailable, 201, "The server is busy; try again in a few seconds")
	ErrSlow           = New(http.StatusRequestTimeout, 999, "The request's body came too slowly")
	ErrFull           = New(http.StatusServiceUnavailable, 201, "The server's disk is almost full; its operator must make room")
	ErrServer         = New(http.StatusInternalServerError, 999, "Unspecified error")
	ErrNotFound       = New(http.StatusNotFound, 999, "Not Found")
)

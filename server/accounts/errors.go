package accounts

import (
	"net/http"
	"time"
)

// fault is an error that the client is told, in the shape and by the numbers of
// Mozilla's accounts server: clients decide by errno.
type fault struct {
	code    int
	errno   int
	message string
	more    map[string]any // further fields of the answer
	retry   time.Duration  // with errnos 114 and 201
}

func (f *fault) Error() string { return f.message }

// Is makes a fault with more fields count as the one it was made of.
func (f *fault) Is(target error) bool {
	t, ok := target.(*fault)
	return ok && t.errno == f.errno && t.code == f.code && t.message == f.message
}

// with is a copy of f with one more field in the answer.
func (f *fault) with(name string, value any) *fault {
	c := *f
	c.more = map[string]any{name: value}
	for k, v := range f.more {
		c.more[k] = v
	}
	return &c
}

func newFault(code, errno int, message string) *fault {
	return &fault{code: code, errno: errno, message: message}
}

// The catalogue.
var (
	errAccountExists  = newFault(http.StatusBadRequest, 101, "Account already exists")
	errPassword       = newFault(http.StatusBadRequest, 103, "Incorrect password")
	errUnconfirmed    = newFault(http.StatusBadRequest, 104, "Unconfirmed account")
	errJSON           = newFault(http.StatusBadRequest, 106, "Invalid JSON in request body")
	errParameter      = newFault(http.StatusBadRequest, 107, "Invalid parameter in request body")
	errMissing        = newFault(http.StatusBadRequest, 108, "Missing parameter in request body")
	errSignature      = newFault(http.StatusUnauthorized, 109, "Invalid request signature")
	errToken          = newFault(http.StatusUnauthorized, 110, "Invalid authentication token in request signature")
	errTimestamp      = newFault(http.StatusUnauthorized, 111, "Invalid timestamp in request signature")
	errTooLarge       = newFault(http.StatusRequestEntityTooLarge, 113, "Request body too large")
	errThrottled      = newFault(http.StatusTooManyRequests, 114, "Client has sent too many requests")
	errNonce          = newFault(http.StatusUnauthorized, 115, "Invalid nonce in request signature")
	errEmailCase      = newFault(http.StatusBadRequest, 120, "Incorrect email case")
	errLocked         = newFault(http.StatusBadRequest, 121, "Account is locked")
	errUnknownDevice  = newFault(http.StatusBadRequest, 123, "Unknown device")
	errDeviceConflict = newFault(http.StatusBadRequest, 124, "Session already registered by another device")
	errUnverified     = newFault(http.StatusBadRequest, 138, "Unconfirmed session")
	errMail           = newFault(http.StatusUnprocessableEntity, 151, "The e-mail with the code could not be sent; try again later")
	errTOTPExists     = newFault(http.StatusBadRequest, 154, "TOTP token already exists for this account.")
	errTOTPMissing    = newFault(http.StatusBadRequest, 155, "TOTP token not found")
	errBackupCode     = newFault(http.StatusBadRequest, 156, "Backup authentication code not found")
	errRecoveryKey    = newFault(http.StatusBadRequest, 158, "Recovery key not found")
	errRecoveryExists = newFault(http.StatusBadRequest, 161, "Recovery key already exists.")
	errCode           = newFault(http.StatusBadRequest, 183, "Invalid or expired confirmation code")
	errCommand        = newFault(http.StatusBadRequest, 157, "Unavailable device command.")
	errClient         = newFault(http.StatusBadRequest, 162, "Unknown client_id")
	errScope          = newFault(http.StatusBadRequest, 163, "Requested scopes are not allowed")
	errResponseType   = newFault(http.StatusBadRequest, 168, "Invalid response_type")
	errPKCE           = newFault(http.StatusBadRequest, 169, "Public clients require PKCE OAuth parameters")
	errProof          = newFault(http.StatusUnauthorized, 164, "Show your password again, and the code if the account has two-step sign-in")
	errUnknownCode    = newFault(http.StatusBadRequest, 172, "Unknown authorization code")
	errCodeClient     = newFault(http.StatusBadRequest, 173, "Mismatch authorization code")
	errExpiredCode    = newFault(http.StatusBadRequest, 174, "Expired authorization code")
	errChallenge      = newFault(http.StatusBadRequest, 175, "Invalid PKCE challenge")
	errSignUpClosed   = newFault(http.StatusForbidden, 202, "Sign-up is closed on this server")
	errInvitation     = newFault(http.StatusForbidden, 202, "Sign-up needs an invitation that is still good")
	errBusy           = newFault(http.StatusServiceUnavailable, 201, "The server is busy; try again in a few seconds")
	errSlow           = newFault(http.StatusRequestTimeout, 999, "The request's body came too slowly")
	errFull           = newFault(http.StatusServiceUnavailable, 201, "The server's disk is almost full; its operator must make room")
	errServer         = newFault(http.StatusInternalServerError, 999, "Unspecified error")
	errNotFound       = newFault(http.StatusNotFound, 999, "Not Found")
)

// body is the fault's answer. It is a map, as its further fields differ by fault.
func (f *fault) body() map[string]any {
	b := map[string]any{
		"code":    f.code,
		"errno":   f.errno,
		"error":   http.StatusText(f.code),
		"message": f.message,
		"info":    "https://mozilla.github.io/ecosystem-platform/api#section/Response-format",
	}
	for k, v := range f.more {
		b[k] = v
	}
	return b
}

func throttled(wait time.Duration) *fault {
	seconds := int((wait + time.Second - 1) / time.Second)
	f := errThrottled.with("retryAfter", seconds)
	f.retry = time.Duration(seconds) * time.Second
	return f
}

// busyFor is how long a client shall wait before it tries again what there was no
// turn for.
const busyFor = 5 * time.Second

// roomFor is how long a client shall wait while the disk is full.
const roomFor = 30 * time.Minute

// room refuses what would take more of a disk that is almost full.
func (s *Service) room() error {
	if !s.cfg.Full() {
		return nil
	}
	f := errFull.with("retryAfter", int(roomFor.Seconds()))
	f.retry = roomFor
	return f
}

func busy() *fault {
	f := errBusy.with("retryAfter", int(busyFor.Seconds()))
	f.retry = busyFor
	return f
}

// validation names parameters that are wrong.
type validation struct {
	Keys []string `json:"keys"`
}

// invalid says which parameter is wrong.
func invalid(parameter string) *fault {
	return errParameter.with("validation", validation{[]string{parameter}})
}

// missing says which parameter is not there.
func missing(parameter string) *fault {
	return errMissing.with("param", parameter)
}

package sync15

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

var (
	// ErrConflict means that another device wrote to the collection meanwhile (412), several
	// times in a row. Nothing is lost; the next sync continues.
	ErrConflict = errors.New("other devices keep changing this collection; sync again in a moment")
	// ErrRace means that another device is setting up the account's storage at the same time.
	ErrRace = errors.New("another device is setting up this account's storage right now; sync again in a moment")
	// ErrReassigned means that the account's storage moved to another node. The cached state is
	// dropped; a new Setup continues there.
	ErrReassigned = errors.New("the account's storage moved to another server")
	// ErrQuota means that the account's storage is full (403 with code 14).
	ErrQuota = errors.New("the account's storage on the server is full; delete something, or ask for more")
	// ErrKeys means that crypto/keys cannot be decrypted with this account's key. Nothing was
	// changed.
	ErrKeys = errors.New("the encryption keys on the server do not open with this account's key; sign in again, or reset the account's sync data from the device that still works")
	// ErrGlobal means that meta/global cannot be parsed. Nothing was changed.
	ErrGlobal = errors.New("the account's sync settings on the server (meta/global) cannot be read; nothing was touched")
	// ErrNoStorage means that the account's storage was never set up.
	ErrNoStorage = errors.New("the account has no sync data yet; sync first")
	// ErrNoCollection means that the account has no record in this collection.
	ErrNoCollection = errors.New("the collection is not on the server")
	// ErrNoRecord means that the collection does not have the record.
	ErrNoRecord = errors.New("the record is not on the server")
	// ErrExists means that a record to create exists already. Nothing was written.
	ErrExists = errors.New("the record exists already; nothing was written")
	// ErrChanged means that somebody wrote to a record or a collection since it was
	// read. Nothing was done.
	ErrChanged = errors.New("it changed on the server meanwhile; nothing was done: read it again first")
	// ErrProtocol means that a response violates the protocol.
	ErrProtocol = errors.New("the server's answer breaks the protocol")
)

// SignedOut is the AuthError.Status of a device that the user signed out.
const SignedOut = "signed-out"

// AuthError means that the account refuses this device, and will do so again: the user has
// to sign in again. A 401 for another reason, such as a wrong clock, is a [ServerError]: the
// account may still accept this device then.
type AuthError struct {
	// Status is the token server's status ("invalid-generation"), [SignedOut], or "".
	Status string
	// Err is the account's error, or nil.
	Err error
}

func (e *AuthError) Error() string {
	switch e.Status {
	case "invalid-generation", "invalid-client-state", "invalid-keysChangedAt", "invalid-key-id":
		return fmt.Sprintf("the account's password was changed or reset (%s); sign in again", e.Status)
	case SignedOut:
		return "this device is signed out; sign in first"
	case "":
		if e.Err != nil {
			return fmt.Sprintf("the account refuses this device; sign in again (%v)", e.Err)
		}
		return "the server refuses this device; sign in again"
	}
	return fmt.Sprintf("the server refuses this device (%s); sign in again", e.Status)
}

func (e *AuthError) Unwrap() error { return e.Err }

// BackedOffError means that the service asked clients to wait until then.
type BackedOffError struct{ Until time.Time }

func (e *BackedOffError) Error() string {
	return "the server asked to wait until " + e.Until.UTC().Format(time.RFC3339) + "; sync again after that"
}

// VersionError means that the account's storage is of a newer version than this program knows.
// Nothing was changed.
type VersionError struct{ Version int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the account's storage has version %d and this program knows %d; update the program", e.Version, storageVersion)
}

// ServerError is an answer that is neither a success nor a refusal with its own error type.
type ServerError struct {
	// Code is the HTTP status.
	Code int
	// Doing says what was asked for: "download passwords".
	Doing string
	// Page is true when the answer was a web page: something between here and the
	// server answered.
	Page bool
	// Status is the token server's status, or "".
	Status string
}

func (e *ServerError) Error() string {
	if e.Page {
		return fmt.Sprintf("%s: a web page came back (%d) instead of sync data; check the server's address, and whether the network asks for a sign-in", e.Doing, e.Code)
	}
	if e.Status == "new-users-disabled" {
		return e.Doing + ": the server does not accept new users"
	}
	hint := "try again later"
	switch e.Code {
	case http.StatusNotFound:
		hint = "check the server's address"
	case http.StatusUnauthorized:
		hint = "check this device's clock, and sign in again if this stays"
	}
	return strings.TrimSpace(fmt.Sprintf("%s: the server answered %d %s", e.Doing, e.Code, http.StatusText(e.Code))) + "; " + hint
}

// NetworkError means that no answer came, or a part of one: nobody knows whether the request
// took effect.
type NetworkError struct {
	err error
}

func (e *NetworkError) Error() string { return e.err.Error() }
func (e *NetworkError) Unwrap() error { return e.err }

// NetworkFailure returns true: it is how a caller knows such an error of any package.
func (e *NetworkError) NetworkFailure() bool { return true }

// errBrokeOff is about an answer that ended early.
var errBrokeOff = errors.New("the answer broke off")

// brokeOff is a NetworkError about an answer that ended early.
func brokeOff(doing string, err error) error {
	return &NetworkError{fmt.Errorf("%s: %w: %w", doing, errBrokeOff, err)}
}

// conflictError is a 412: the caller starts again.
type conflictError struct{ doing string }

func (e *conflictError) Error() string { return e.doing + ": " + ErrConflict.Error() }
func (e *conflictError) Unwrap() error { return ErrConflict }

// isConflict reports whether err says that somebody else wrote meanwhile.
func isConflict(err error) bool { return errors.Is(err, ErrConflict) }

// errTooLarge is a 413: the request is sent again in parts.
var errTooLarge = errors.New("the server takes no request of this size")

// refused reports whether the error of a write says that the server did not store it. Without
// an answer, or with one from something between here and the server, it may have stored it.
func refused(err error) bool {
	if e, ok := errors.AsType[*ServerError](err); ok {
		return e.Code < http.StatusInternalServerError || e.Code == http.StatusServiceUnavailable
	}
	return isConflict(err) || errors.Is(err, errTooLarge) || errors.Is(err, ErrQuota) ||
		errors.As(err, new(*AuthError)) || errors.As(err, new(*BackedOffError))
}

func protocolError(doing, what string) error {
	return fmt.Errorf("%s: %w: %s", doing, ErrProtocol, what)
}

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

// The exit codes. Scripts rely on them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartial     = 3
	exitSignInAgain = 4
	exitBackedOff   = 5
)

// reportedError carries the exit code of an error that is printed already.
type reportedError struct{ status syncmanager.Status }

func (e *reportedError) Error() string { return string(e.status) }

// statusOf returns the status that a [syncmanager.Result] has for an error.
func statusOf(err error) syncmanager.Status {
	var (
		reported *reportedError
		auth     interface{ SignInAgain() bool }
		code     *account.NeedsCodeError
		authErr  *syncmanager.AuthError
		backoff  *syncmanager.BackedOffError
	)
	switch {
	case err == nil:
		return syncmanager.StatusOK
	case errors.As(err, &reported):
		return reported.status
	case errors.As(err, &authErr), errors.As(err, &auth) && auth.SignInAgain(), errors.Is(err, account.ErrWrongPassword),
		errors.As(err, &code), errors.Is(err, account.ErrWrongCode):
		return syncmanager.StatusSignInAgain
	case errors.As(err, &backoff), errors.Is(err, account.ErrTooMany):
		return syncmanager.StatusBackedOff
	}
	return syncmanager.StatusFailed
}

// exitCode returns the exit code for the error of a command.
func exitCode(err error) int {
	var usage *usage.Error
	if errors.As(err, &usage) {
		return exitUsage
	}
	if in, ok := errors.AsType[*exitError](err); ok {
		return in.code
	}
	switch statusOf(err) {
	case syncmanager.StatusOK:
		return exitDone
	case syncmanager.StatusPartial:
		return exitPartial
	case syncmanager.StatusSignInAgain:
		return exitSignInAgain
	case syncmanager.StatusBackedOff:
		return exitBackedOff
	}
	return exitFailed
}

// sentence returns the text of an error for the user, in one line.
func sentence(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted; what was done so far is kept"
	}
	// The reason why the account refuses this device says more than the refusal.
	for _, why := range []error{account.ErrPasswordChanged, account.ErrAccountDeleted} {
		if errors.Is(err, why) {
			return why.Error()
		}
	}
	// errors.Join puts each error on a line of its own.
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

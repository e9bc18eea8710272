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

// reportedError carries an exit code after everything was said already.
type reportedError struct{ status syncmanager.Status }

func (e *reportedError) Error() string { return string(e.status) }

// statusOf sorts an error into the words that Result.Status uses.
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

// exitCode is the exit code for what a command returned.
func exitCode(err error) int {
	var usage *usage.Error
	if errors.As(err, &usage) {
		return exitUsage
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

// sentence is the error as the user reads it.
func sentence(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted; what was done so far is kept"
	}
	// Why the account refuses this device says more than that it does.
	for _, why := range []error{account.ErrPasswordChanged, account.ErrAccountDeleted} {
		if errors.Is(err, why) {
			return why.Error()
		}
	}
	// Joined errors come on lines of their own.
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

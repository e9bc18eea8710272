package syncmanager

import (
	"context"
	"errors"
	"net/http"

	"github.com/syncmanager/syncmanager/sync15"
)

// Failure is what kind of thing went wrong, where Status is StatusFailed.
type Failure string

const (
	// FailureNetwork means that no server was reached, or its answer broke off: the network,
	// or the server's address.
	FailureNetwork Failure = "network"
	// FailureServer means that a server was reached and is not working, too busy, or not a
	// server of this kind: a later try may go well.
	FailureServer Failure = "server"
	// FailureRefused means that the server works and refuses what was asked for: it will do
	// so again, until something changes (the storage is full, the collection is not allowed).
	FailureRefused Failure = "refused"
	// FailureOther is anything else: on this device, or in the account's data.
	FailureOther Failure = "other"
)

// failureOf is the kind of what stopped a sync or an engine with a status; "": it did not
// fail, or the status says why.
func failureOf(status Status, err error) Failure {
	if status != StatusFailed || err == nil {
		return ""
	}
	if code := httpStatus(err); code != 0 {
		return failureOfCode(code)
	}
	var page *sync15.ServerError
	switch {
	case isNetwork(err):
		return FailureNetwork
	case errors.As(err, &page), errors.Is(err, sync15.ErrProtocol):
		return FailureServer
	case errors.Is(err, sync15.ErrQuota):
		return FailureRefused
	}
	return FailureOther
}

func failureOfCode(code int) Failure {
	switch {
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code < 400:
		return FailureServer
	}
	return FailureRefused
}

// isNetwork tells whether an error is about a request that got no answer.
func isNetwork(err error) bool {
	var network interface{ NetworkFailure() bool }
	return errors.As(err, &network) && network.NetworkFailure() && !errors.Is(err, context.Canceled)
}

// httpStatus is the code of the answer that an error is about; 0: it is about none, or about
// a web page that came from something else than the server.
func httpStatus(err error) int {
	if server, ok := errors.AsType[*sync15.ServerError](err); ok {
		if server.Page {
			return 0
		}
		return server.Code
	}
	var answer interface{ HTTPStatus() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatus()
	}
	return 0
}

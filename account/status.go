package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// SessionState says whether this device is still signed in.
type SessionState string

const (
	// SessionActive means that the session is valid.
	SessionActive SessionState = "active"
	// SessionUnconfirmed means that the sign-in was not confirmed, for example with the code that the
	// server sent by e-mail. The server refuses most requests until it is.
	SessionUnconfirmed SessionState = "unconfirmed"
	// SessionEnded means that the user must sign in again.
	SessionEnded SessionState = "ended"
)

// SessionStatus is the answer of [Account.CheckSession].
type SessionStatus struct {
	State SessionState
	// Reason is why the session ended: [ErrSignedOut], [ErrPasswordChanged] or
	// [ErrAccountDeleted]; nil unless State is SessionEnded.
	Reason error
}

// CheckSession asks the server whether this device is still signed in: with one request, and up
// to two more for the reason if it is not. The error is nil if the server answered; it says
// nothing about the session otherwise.
func (a *Account) CheckSession(ctx context.Context) (SessionStatus, error) {
	const doing = "check the sign-in"
	var got struct {
		State string `json:"state"`
		UID   string `json:"uid"`
	}
	err := a.do(ctx, doing, http.MethodGet, "/session/status", nil, &got)
	if errors.Is(err, ErrSignedOut) {
		s := SessionStatus{State: SessionEnded, Reason: ErrSignedOut}
		for _, why := range []error{ErrPasswordChanged, ErrAccountDeleted} {
			if errors.Is(err, why) {
				s.Reason = why
			}
		}
		return s, nil
	}
	if err != nil {
		return SessionStatus{}, err
	}
	switch {
	case got.UID != a.Session().UID:
		return SessionStatus{}, fmt.Errorf("cannot %s: %w: it is of another account", doing, ErrBadAnswer)
	case got.State == "verified":
		return SessionStatus{State: SessionActive}, nil
	case got.State == "unverified":
		return SessionStatus{State: SessionUnconfirmed}, nil
	}
	return SessionStatus{}, fmt.Errorf("cannot %s: %w: the state is %.50q", doing, ErrBadAnswer, got.State)
}

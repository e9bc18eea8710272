// Package security writes the security log, in which an operator notices attacks: failed
// sign-ins, their addresses and reasons. Programs such as fail2ban read it too, so the texts
// of [Event] and [Reason] are stable. It never contains secrets or user input: it names an
// account by its uid, not by its e-mail address.
package security

import (
	"context"
	"log/slog"
	"net/netip"
)

// Event is what happened.
type Event string

// The events.
const (
	SignInFailed  Event = "sign_in_failed"
	Locked        Event = "locked"    // too many attempts failed; attempts are refused for a while
	Throttled     Event = "throttled" // an address sent too many requests
	NewDevice     Event = "new_device"
	RecoveryUsed  Event = "recovery_used"
	TokenRefused  Event = "token_refused"
	SignUpRefused Event = "sign_up_refused"
	ByOperator    Event = "by_operator" // an operator changed an account
)

// Reason says why an event happened, in one word.
type Reason string

// The reasons.
const (
	WrongPassword    Reason = "wrong_password"
	NoAccount        Reason = "no_account"
	WrongSpelling    Reason = "wrong_spelling" // of the e-mail address; the client tries again
	Disabled         Reason = "disabled"
	WrongCode        Reason = "wrong_code"
	WrongBackupCode  Reason = "wrong_backup_code"
	WrongRecoveryKey Reason = "wrong_recovery_key"
	TooMany          Reason = "too_many_tries"
	Registered       Reason = "registered"
	ByRecoveryKey    Reason = "recovery_key"
	ByBackupCode     Reason = "backup_code"
	SessionToken     Reason = "session_token"
	AccessToken      Reason = "access_token"
	StorageToken     Reason = "storage_token"
	NoToken          Reason = "no_token"
	Invitation       Reason = "invitation"
	Closed           Reason = "closed"
	LockLifted       Reason = "lock_lifted"
	StepRemoved      Reason = "second_step_removed"
)

// Log writes and counts events. A nil Log drops them.
type Log struct {
	log   *slog.Logger
	count func(Event, Reason)
}

// New returns a Log that writes events to log at level Warn, and calls count for each.
func New(log *slog.Logger, count func(Event, Reason)) *Log { return &Log{log, count} }

// Note writes one event. remote is the address and port of the connection, or "" for an
// operator. uid is that of the account, or "" if it is unknown. The order of the fields is
// fixed, because programs parse them.
func (l *Log) Note(ctx context.Context, e Event, why Reason, remote, uid string) {
	if l == nil {
		return
	}
	l.count(e, why)
	fields := []slog.Attr{slog.String("event", string(e)), slog.String("reason", string(why))}
	if remote != "" {
		fields = append(fields, slog.String("from", address(remote)))
	}
	if uid != "" {
		fields = append(fields, slog.String("uid", uid))
	}
	l.log.LogAttrs(ctx, slog.LevelWarn, "security", fields...)
}

// address returns a connection's address without the port.
func address(remote string) string {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return "unknown"
	}
	return peer.Addr().Unmap().WithZone("").String()
}

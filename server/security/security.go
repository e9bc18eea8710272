// Package security writes what an operator must see to notice an attack: who failed
// to sign in, from where, and why. Programs read it too, such as fail2ban, so the
// words of an Event and a Reason are stable. It never holds a secret, nor what
// somebody typed: an address of an account is named by the account's uid.
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
	Locked        Event = "locked"    // so many failed that nobody may try for a while
	Throttled     Event = "throttled" // an address asked too often
	NewDevice     Event = "new_device"
	RecoveryUsed  Event = "recovery_used"
	TokenRefused  Event = "token_refused"
	SignUpRefused Event = "sign_up_refused"
	ByOperator    Event = "by_operator" // an operator changed who may come in
)

// Reason is why, in one word.
type Reason string

// The reasons.
const (
	WrongPassword    Reason = "wrong_password"
	NoAccount        Reason = "no_account"
	WrongSpelling    Reason = "wrong_spelling" // of the address; the client tries again
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

// Log is where events go. A nil Log drops them.
type Log struct {
	log   *slog.Logger
	count func(Event, Reason)
}

// New makes a Log that writes to log, at the level of warnings, and counts each
// event by count.
func New(log *slog.Logger, count func(Event, Reason)) *Log { return &Log{log, count} }

// Note writes one event. remote is the address of the connection, with its port, or
// "" for an operator; uid is the account's, or "" where there is none or it is not
// known. The order of the fields is fixed, for programs that read them.
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

// address is a connection's address without the port.
func address(remote string) string {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return "unknown"
	}
	return peer.Addr().Unmap().WithZone("").String()
}

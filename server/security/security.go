// Package security writes the security log, in which an operator notices attacks: failed
// sign-ins, their addresses and reasons. Programs such as fail2ban read it too, so the texts
// of [Event] and [Reason] are stable. It never contains secrets or user input: it names an
// account by its uid, not by its e-mail address.
//
// A process keeps the last events too, so that an operator's page can show them.
package security

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"
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

// The reasons of operators.
const (
	UserDisabled      Reason = "user_disabled"
	UserEnabled       Reason = "user_enabled"
	UserRemoved       Reason = "user_removed"
	UserSignedOut     Reason = "user_signed_out"
	QuotaSet          Reason = "quota_set"
	DefaultQuotaSet   Reason = "default_quota_set"
	InvitationMade    Reason = "invitation_made"
	InvitationRevoked Reason = "invitation_revoked"
	BackupMade        Reason = "backup_made"
	LinkMade          Reason = "link_made" // to the operator's pages
	OperatorSignedIn  Reason = "operator_signed_in"
	OperatorAdded     Reason = "operator_added"
	OperatorRemoved   Reason = "operator_removed"
	OperatorsEnded    Reason = "operator_sessions_ended"
	NotOperator       Reason = "not_operator"
	WrongOperatorCode Reason = "wrong_operator_code"
)

// Log writes and counts events, and keeps the last ones. A nil Log drops them.
type Log struct {
	log   *slog.Logger
	now   func() time.Time
	count func(Event, Reason)

	mu   sync.Mutex
	last map[Event][]Entry // the oldest first
}

// New returns a Log that writes events to log at level Warn, and calls count for each.
func New(log *slog.Logger, now func() time.Time, count func(Event, Reason)) *Log {
	return &Log{log: log, now: now, count: count, last: make(map[Event][]Entry)}
}

// by is who acts, and from where.
type by struct{ who, remote string }

type byKey struct{}

// By returns a context whose events name the operator who acts: who is the uid of an account, or a word that stands
// for none. remote is the address and port of the connection.
func By(ctx context.Context, who, remote string) context.Context {
	return context.WithValue(ctx, byKey{}, by{who, remote})
}

// Note writes one event. remote is the address and port of the connection, or "" for an
// operator; see [By]. uid is that of the account, or "" if it is unknown. The order of the fields is
// fixed, because programs parse them.
func (l *Log) Note(ctx context.Context, e Event, why Reason, remote, uid string) {
	if l == nil {
		return
	}
	l.count(e, why)
	operator, _ := ctx.Value(byKey{}).(by)
	if remote == "" {
		remote = operator.remote
	}
	entry := Entry{At: l.now(), Event: e, Reason: why, UID: uid, Operator: operator.who}
	fields := []slog.Attr{slog.String("event", string(e)), slog.String("reason", string(why))}
	if remote != "" {
		entry.From = address(remote)
		fields = append(fields, slog.String("from", entry.From))
	}
	if uid != "" {
		fields = append(fields, slog.String("uid", uid))
	}
	if operator.who != "" {
		fields = append(fields, slog.String("operator", operator.who))
	}
	l.keep(entry)
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

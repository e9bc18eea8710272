package security

import (
	"slices"
	"time"
)

// Entry is one event that a [Log] keeps.
type Entry struct {
	At     time.Time
	Event  Event
	Reason Reason
	// From is the address that the request came from; "": none.
	From string
	// UID is that of the account; "": it is unknown.
	UID string
	// Operator is who acted, as [By] was told; "": nobody.
	Operator string
}

// Kept is how many events of each kind a Log keeps: a flood of one kind leaves the others.
const Kept = 500

// Events lists all kinds of events.
func Events() []Event {
	return []Event{SignInFailed, Locked, Throttled, NewDevice, RecoveryUsed, TokenRefused, SignUpRefused, ByOperator}
}

func (l *Log) keep(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.last[e.Event]
	if len(all) >= Kept {
		all = slices.Delete(all, 0, 1)
	}
	l.last[e.Event] = append(all, e)
}

// Last returns the events that are kept and that wanted accepts, the newest first: since the process began, at most
// [Kept] of each kind.
func (l *Log) Last(wanted func(Entry) bool) (all []Entry) {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	for _, e := range Events() {
		for _, entry := range l.last[e] {
			if wanted(entry) {
				all = append(all, entry)
			}
		}
	}
	l.mu.Unlock()
	slices.SortStableFunc(all, func(a, b Entry) int { return b.At.Compare(a.At) })
	return all
}

package accounts

import (
	"time"
)

// Limits bound how often strangers may try. A zero takes its default.
type Limits struct {
	// Window is the time that tries are counted over; default 15 minutes.
	Window time.Duration
	// PerAccount is how many wrong passwords, or codes, an account may be given in a
	// window from one network; default 10. From all networks together it is ten times
	// as many passwords, and twice as many codes; that bound does not hold for a
	// network from which the account was signed in before.
	PerAccount int
	// PerAddress is how many tries may come from an address in a window, over all accounts;
	// default 100. Of IPv6, a /64 network counts as an address, and a /48 network may make ten
	// times as many.
	PerAddress int
}

func (l *Limits) defaults() {
	if l.Window == 0 {
		l.Window = 15 * time.Minute
	}
	if l.PerAccount == 0 {
		l.PerAccount = 10
	}
	if l.PerAddress == 0 {
		l.PerAddress = 100
	}
}

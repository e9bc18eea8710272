package accounts

import (
	"time"
)

// Limits bound how often passwords and codes may be tried. A zero means the default.
type Limits struct {
	// Window is the time that tries are counted over; default 15 minutes.
	Window time.Duration
	// PerAccount is how many wrong passwords, or wrong codes, for one account are accepted
	// from one network in a window; default 10. From all networks together they are ten times
	// as many passwords, and twice as many codes. That second bound does not apply to a
	// network from which somebody has signed in to the account.
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

package accounts

import (
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
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
	// PerAddress is how many tries may come from an address in a window, for
	// whatever account; default 100. Of IPv6, a /64 network counts as an address, and
	// a /48 network may make ten times as many.
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

// admitAddress counts a try of a sender, or refuses it. The larger network comes
// first: no customer fills the limiter with the addresses of one.
func (s *Service) admitAddress(r *api.Request) error {
	now, l := s.cfg.Now(), s.cfg.Limits
	if network := r.Network(); network != "" {
		if wait := s.networks.Take(network, 10*l.PerAddress, l.Window, now); wait > 0 {
			return fault.Throttled(wait)
		}
	}
	if wait := s.addresses.Take(r.Address(), l.PerAddress, l.Window, now); wait > 0 {
		return fault.Throttled(wait)
	}
	return nil
}

// giveBackAddress takes back a try of a sender that turned out well.
func (s *Service) giveBackAddress(r *api.Request) {
	s.networks.GiveBack(r.Network())
	s.addresses.GiveBack(r.Address())
}

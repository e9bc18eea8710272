package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/security"
)

// What is tried of an account is counted in the database, which nothing but time
// makes forget, also for an address without an account.

const (
	// codesFactor and passwordsFactor are how many times Limits.PerAccount all
	// networks together may try. A code is short, a password is not.
	codesFactor     = 2
	passwordsFactor = 10
	// maxNetworks is how many networks of an account are known, and knownLife how
	// long one is without a sign of its owner.
	maxNetworks = 20
	knownLife   = 90 * 24 * time.Hour
	// maxTries bounds the table: what a network tries goes first, oldest first.
	maxTries = 200_000
)

// The kinds of tries at an account. The first is at one that is named by its
// address, with or without an account.
const (
	tryPassword     = "password"
	tryRecovery     = "recovery"
	tryConfirmation = "confirmation"
	trySecondStep   = "second step"
	tryInvitation   = "invitation"
	tryMail         = "mail"
)

// accountTries are the kinds that keep an account's owner out.
var accountTries = []string{tryPassword, tryRecovery, tryConfirmation, trySecondStep, tryMail}

func triesHash(kind, whose string) []byte { return hash("tries " + kind + " " + whose) }

// attempt is one try, at what belongs to somebody.
type attempt struct {
	kind string
	// whose is the account's email key or uid, or what else is tried.
	whose   string
	network string // "": all together
	max     int
	window  time.Duration
	exempt  bool // not counted for a network that is known
}

// admit counts a try of a kind at what belongs to somebody, or refuses it. done
// takes the try back, for one that was right; it must not be called within a
// transaction.
func (s *Service) admit(r *api.Request, kind, whose string) (done func(), err error) {
	if err := s.admitAddress(r); err != nil {
		return nil, err
	}
	l := s.cfg.Limits
	factor := codesFactor
	if kind == tryPassword {
		factor = passwordsFactor
	}
	list := []attempt{
		{kind: kind, whose: whose, network: r.Address(), max: l.PerAccount, window: l.Window},
		{kind: kind, whose: whose, max: factor * l.PerAccount, window: l.Window, exempt: true},
	}
	ctx := r.Context()
	wait, err := s.try(ctx, r.Address(), list)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		s.note(r, security.Locked, security.TooMany, "")
		return nil, fault.Throttled(wait)
	}
	return func() {
		s.giveBackAddress(r)
		err := s.db.UpdateSoon(context.WithoutCancel(ctx), func(tx store.Tx) error {
			return tx.ReturnTry(triesHash(kind, whose), r.Address())
		})
		if err != nil {
			s.cfg.Log.ErrorContext(ctx, "cannot take a try back", "err", err)
		}
	}, nil
}

// try counts attempts, all or none, and returns 0 or how long to wait.
func (s *Service) try(ctx context.Context, from string, list []attempt) (wait time.Duration, err error) {
	now := s.cfg.Now().UnixMilli()
	err = s.db.UpdateSoon(ctx, func(tx store.Tx) error {
		// What ended goes a little at a time.
		if err := tx.ForgetEndedTries(now); err != nil {
			return err
		}
		for _, a := range list {
			n, ends, err := tx.Tries(triesHash(a.kind, a.whose), a.network, now)
			if err != nil {
				return err
			}
			if n < a.max {
				continue
			}
			if a.exempt {
				known, err := tx.KnowsNetwork(a.whose, from)
				if err != nil {
					return err
				}
				if known {
					continue
				}
			}
			wait = max(wait, time.Duration(ends-now)*time.Millisecond)
		}
		if wait > 0 {
			return nil
		}
		for _, a := range list {
			if err := tx.CountTry(triesHash(a.kind, a.whose), a.network, now+a.window.Milliseconds(), now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count a try: %w", err)
	}
	return wait, nil
}

// know remembers that an account was signed in from the sender's network.
func (s *Service) know(tx store.Tx, r *api.Request, uid string) error {
	return tx.KnowNetwork(uid, r.Address(), s.cfg.Now().UnixMilli(), maxNetworks)
}

// forgetTries forgets what was tried of kinds at an account.
func (s *Service) forgetTries(ctx context.Context, u User, kinds ...string) error {
	err := s.db.Update(ctx, func(tx store.Tx) error {
		for _, kind := range kinds {
			for _, whose := range []string{mailaddr.Key(u.Email), u.UID} {
				if err := tx.ForgetTries(triesHash(kind, whose)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget what was tried: %w", err)
	}
	return nil
}

package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// proofLife is how long a session may change what opens an account after it
// showed the password again, and the second step where there is one. A session
// that was stolen alone changes nothing of that kind.
const proofLife = 5 * time.Minute

// What a proof lacks, as fault.ErrProof says it.
const (
	lacksPassword   = "password"
	lacksSecondStep = "totp-2fa"
)

// holder is what authorizes a request, as it was read before the transaction that
// acts on it.
type holder interface {
	// still refuses what ended since, or what a new password ended.
	still(tx store.Reader) error
}

// updateBy runs f in a writing transaction in which the holder is still good.
func (s *Service) updateBy(ctx context.Context, by holder, f func(store.Tx) error) error {
	return s.db.Update(ctx, func(tx store.Tx) error {
		if err := by.still(tx); err != nil {
			return err
		}
		return f(tx)
	})
}

// updateProven is updateBy for a session that proved lately who holds it.
func (s *Service) updateProven(ctx context.Context, c *credential, f func(store.Tx) error) error {
	return s.updateBy(ctx, c, func(tx store.Tx) error {
		if err := s.proven(tx, c); err != nil {
			return err
		}
		return f(tx)
	})
}

// still implements holder.
func (c *credential) still(tx store.Reader) error {
	t, err := tx.Token(c.Hash)
	if ok, err := store.Found(err); !ok || t.Kind != c.Kind || t.Generation != c.Generation {
		return orToken(err)
	}
	return nil
}

// still implements holder for an account whose password was right.
func (c checked) still(tx store.Reader) error {
	err := still(tx, c.Account)
	if errors.Is(err, fault.ErrToken) {
		return fault.ErrPassword
	}
	return err
}

// still refuses an account that ended since it was read, or that has a new password.
func still(tx store.Reader, a *store.Account) error {
	now, err := tx.Account(a.UID)
	if ok, err := store.Found(err); !ok || now.Generation != a.Generation {
		return orToken(err)
	}
	return nil
}

// fresh reports whether a proof made at a time, in milliseconds, is still good.
func (s *Service) fresh(at int64) bool {
	return s.cfg.Now().UnixMilli()-at < proofLife.Milliseconds()
}

// proven refuses a session that did not show the password of late.
func (s *Service) proven(tx store.Reader, c *credential) error {
	t, err := tx.Token(c.Hash)
	if err != nil {
		return err
	}
	if !s.fresh(t.PasswordAt) {
		return fault.ErrProof.With(fault.Details{VerificationMethod: lacksPassword})
	}
	return s.provenSecond(tx, c)
}

// provenSecond refuses a session that did not show the second step of late, if
// its account has one.
func (s *Service) provenSecond(tx store.Reader, c *credential) error {
	enabled, err := secondfactor.Required(tx, c.UID)
	if err != nil || !enabled {
		return err
	}
	t, err := tx.Token(c.Hash)
	if err != nil {
		return err
	}
	if !s.fresh(t.SecondAt) {
		return fault.ErrProof.With(fault.Details{VerificationMethod: lacksSecondStep})
	}
	return nil
}

// secondSession is the session of a request that shows the password itself, or
// nil if it has none.
func (s *Service) secondSession(r *api.Request, uid string) (*credential, error) {
	if r.Header.Get("Authorization") == "" {
		return nil, nil
	}
	c, err := s.session(r)
	if err == nil && c.UID != uid {
		err = fault.ErrToken
	}
	return c, err
}

// guarded refuses who showed the password of an account with two-step sign-in,
// but not its second step by a session: what the password alone opens, the second
// step must guard too. shown reports whether there was a second step to show.
func (s *Service) guarded(tx store.Reader, uid string, c *credential) (shown bool, err error) {
	enabled, err := secondfactor.Required(tx, uid)
	if err != nil || !enabled {
		return false, err
	}
	if c == nil {
		return false, fault.ErrUnverified
	}
	if err := c.still(tx); err != nil {
		return false, err
	}
	return true, s.provenSecond(tx, c)
}

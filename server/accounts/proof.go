package accounts

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// proofLife is how long a session may change what opens an account after it
// showed the password again, and the second step where there is one. A session
// that was stolen alone changes nothing of that kind.
const proofLife = 5 * time.Minute

// What a proof lacks, as errProof says it.
const (
	lacksPassword   = "password"
	lacksSecondStep = "totp-2fa"
)

// holder is what authorizes a request, as it was read before the transaction that
// acts on it.
type holder interface {
	// still refuses what ended since, or what a new password ended.
	still(ctx context.Context, tx *sql.Tx) error
}

// updateBy runs f in a writing transaction in which the holder is still good.
func (s *Service) updateBy(ctx context.Context, by holder, f func(*sql.Tx) error) error {
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		if err := by.still(ctx, tx); err != nil {
			return err
		}
		return f(tx)
	})
}

// updateProven is updateBy for a session that proved lately who holds it.
func (s *Service) updateProven(ctx context.Context, c *credential, f func(*sql.Tx) error) error {
	return s.updateBy(ctx, c, func(tx *sql.Tx) error {
		if err := s.proven(ctx, tx, c); err != nil {
			return err
		}
		return f(tx)
	})
}

// still implements holder.
func (c *credential) still(ctx context.Context, tx *sql.Tx) error {
	var generation int64
	err := tx.QueryRowContext(ctx, `SELECT a.generation FROM tokens t JOIN accounts a USING (uid) WHERE t.hash = ? AND t.kind = ?`,
		c.hash, c.kind).Scan(&generation)
	if errors.Is(err, sql.ErrNoRows) || err == nil && generation != c.generation {
		return errToken
	}
	return err
}

// still implements holder for an account whose password was right.
func (c checked) still(ctx context.Context, tx *sql.Tx) error {
	err := c.account.still(ctx, tx)
	if errors.Is(err, errToken) {
		return errPassword
	}
	return err
}

// still implements holder.
func (a *account) still(ctx context.Context, tx *sql.Tx) error {
	var generation int64
	err := tx.QueryRowContext(ctx, `SELECT generation FROM accounts WHERE uid = ?`, a.uid).Scan(&generation)
	if errors.Is(err, sql.ErrNoRows) || err == nil && generation != a.generation {
		return errToken
	}
	return err
}

// fresh reports whether a proof made at a time, in milliseconds, is still good.
func (s *Service) fresh(at int64) bool {
	return s.cfg.Now().UnixMilli()-at < proofLife.Milliseconds()
}

// proven refuses a session that did not show the password of late.
func (s *Service) proven(ctx context.Context, tx *sql.Tx, c *credential) error {
	var passwordAt int64
	if err := tx.QueryRowContext(ctx, `SELECT password_at FROM tokens WHERE hash = ?`, c.hash).Scan(&passwordAt); err != nil {
		return err
	}
	if !s.fresh(passwordAt) {
		return errProof.with("verificationMethod", lacksPassword)
	}
	return s.provenSecond(ctx, tx, c)
}

// provenSecond refuses a session that did not show the second step of late, if
// its account has one.
func (s *Service) provenSecond(ctx context.Context, tx *sql.Tx, c *credential) error {
	enabled, err := twoStep(ctx, tx, c.uid)
	if err != nil || !enabled {
		return err
	}
	var secondAt int64
	if err := tx.QueryRowContext(ctx, `SELECT second_at FROM tokens WHERE hash = ?`, c.hash).Scan(&secondAt); err != nil {
		return err
	}
	if !s.fresh(secondAt) {
		return errProof.with("verificationMethod", lacksSecondStep)
	}
	return nil
}

// secondSession is the session of a request that shows the password itself, or
// nil if it has none.
func (s *Service) secondSession(r *request, uid string) (*credential, error) {
	if r.Header.Get("Authorization") == "" {
		return nil, nil
	}
	c, err := s.session(r)
	if err == nil && c.uid != uid {
		err = errToken
	}
	return c, err
}

// guarded refuses who showed the password of an account with two-step sign-in,
// but not its second step by a session: what the password alone opens, the second
// step must guard too. shown reports whether there was a second step to show.
func (s *Service) guarded(ctx context.Context, tx *sql.Tx, uid string, c *credential) (shown bool, err error) {
	enabled, err := twoStep(ctx, tx, uid)
	if err != nil || !enabled {
		return false, err
	}
	if c == nil {
		return false, errUnverified
	}
	if err := c.still(ctx, tx); err != nil {
		return false, err
	}
	return true, s.provenSecond(ctx, tx, c)
}

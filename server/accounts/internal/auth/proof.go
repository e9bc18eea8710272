package auth

import (
	"context"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// proofLife is how long a session may change what opens an account after it
// showed the password again, and the second step where there is one. A session
// that was stolen alone changes nothing of that kind.
const proofLife = 5 * time.Minute

// These are what a proof can lack, as [fault.ErrProof] names it.
const (
	MethodPassword   = "password"
	MethodSecondStep = "totp-2fa"
)

// Holder is the credential that authorizes a request, as it was read before the transaction
// that acts on it.
type Holder interface {
	// Whose returns the uid of the account.
	Whose() string
	// Still refuses a credential that ended since, or that a new password ended.
	Still(tx store.Reader) error
}

// UpdateBy runs f in a writing transaction about the holder's account, in which the holder is still
// valid. f may be run again; see [store.Store].
func (a *Authenticator) UpdateBy(ctx context.Context, by Holder, f func(store.Tx) error) error {
	return a.DB.Update(ctx, by.Whose(), func(tx store.Tx) error {
		if err := by.Still(tx); err != nil {
			return err
		}
		return f(tx)
	})
}

// UpdateProven is [Authenticator.UpdateBy] for a session that recently proved who holds it.
func (a *Authenticator) UpdateProven(ctx context.Context, c *Credential, f func(store.Tx) error) error {
	return a.UpdateBy(ctx, c, func(tx store.Tx) error {
		if err := a.Proven(tx, c); err != nil {
			return err
		}
		return f(tx)
	})
}

// Whose implements Holder.
func (c *Credential) Whose() string { return c.UID }

// Still implements Holder.
func (c *Credential) Still(tx store.Reader) error {
	t, err := tx.Token(c.Hash)
	if ok, err := store.Found(err); !ok || t.Kind != c.Kind || t.Generation != c.Generation {
		return OrToken(err)
	}
	return nil
}

// Unchanged refuses an account that ended since it was read, or that has a new password.
func Unchanged(tx store.Reader, a *store.Account) error {
	now, err := tx.Account(a.UID)
	if ok, err := store.Found(err); !ok || now.Generation != a.Generation {
		return OrToken(err)
	}
	return nil
}

// fresh reports whether a proof made at a time, in milliseconds, is still valid.
func (a *Authenticator) fresh(at int64) bool {
	return a.Now().UnixMilli()-at < proofLife.Milliseconds()
}

// Proven refuses a session that did not recently show the password, and the second step where
// there is one.
func (a *Authenticator) Proven(tx store.Reader, c *Credential) error {
	t, err := tx.Token(c.Hash)
	if err != nil {
		return err
	}
	if !a.fresh(t.PasswordAt) {
		return fault.ErrProof.With(fault.Details{VerificationMethod: MethodPassword})
	}
	return a.ProvenSecond(tx, c)
}

// ProvenSecond refuses a session that did not recently show the second step, if its account has
// one.
func (a *Authenticator) ProvenSecond(tx store.Reader, c *Credential) error {
	enabled, err := SecondStepRequired(tx, c.UID)
	if err != nil || !enabled {
		return err
	}
	t, err := tx.Token(c.Hash)
	if err != nil {
		return err
	}
	if !a.fresh(t.SecondAt) {
		return fault.ErrProof.With(fault.Details{VerificationMethod: MethodSecondStep})
	}
	return nil
}

// OptionalSession is the session of a request that shows the password of an account, or
// nil if the request has none.
func (a *Authenticator) OptionalSession(r *api.Request, uid string) (*Credential, error) {
	if r.Header.Get("Authorization") == "" {
		return nil, nil
	}
	c, err := a.Session(r)
	if err == nil && c.UID != uid {
		err = fault.ErrToken
	}
	return c, err
}

// SecondStepRequired reports whether signing in to an account takes a second step.
func SecondStepRequired(tx store.SecondStepReader, uid string) (bool, error) {
	t, err := tx.TOTP(uid)
	if ok, err := store.Found(err); !ok {
		return false, err
	}
	return t.Enabled, nil
}

// RequireSecondStep refuses a request that showed the password of an account with two-step
// sign-in, but not its second step by a session (nil: it has none): the second step must
// protect all that the password alone opens. shown reports whether there was a second step to
// show.
func (a *Authenticator) RequireSecondStep(tx store.Reader, uid string, c *Credential) (shown bool, err error) {
	enabled, err := SecondStepRequired(tx, uid)
	if err != nil || !enabled {
		return false, err
	}
	if c == nil {
		return false, fault.ErrUnverified
	}
	if err := c.Still(tx); err != nil {
		return false, err
	}
	return true, a.ProvenSecond(tx, c)
}

// ShowSecondStep notes that a session showed the second step, which completes its sign-in.
func (a *Authenticator) ShowSecondStep(tx store.Tx, r *api.Request, c *Credential) error {
	if err := a.Tries.Know(tx, r, c.UID); err != nil {
		return err
	}
	return tx.SetSecondStepShown(c.UID, c.Hash, a.Now().UnixMilli())
}

// Package password checks the stretched passwords that clients show, and computes what is
// stored for them.
package password

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/stretch"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/security"
)

// Passwords checks passwords. Its methods may be called concurrently.
type Passwords struct {
	DB    store.Store
	Tries *tries.Counter
	// Stretch runs scrypt within the memory reserved for it.
	Stretch func(ctx context.Context, password, salt []byte, cost, keyLen int) ([]byte, error)
	// Cost is that of new passwords, as a power of two.
	Cost int
	// Pepper makes answers about accounts that do not exist.
	Pepper []byte
	// Decoys says that addresses may have decoys.
	Decoys bool
	// Disabled, if set, says which accounts cannot be signed in to.
	Disabled func(ctx context.Context, uid string) (bool, error)
	Rand     io.Reader
	Security *security.Log // may be nil
}

// AccountByKey reads an account, or nil.
func (p *Passwords) AccountByKey(ctx context.Context, key string) (*store.Account, error) {
	a, err := p.DB.Read(ctx).AccountByKey(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read an account: %w", err)
	}
	return a, nil
}

// Verifier stretches authPW as the account's were; with a nil account it does the same work, so
// that the time does not reveal it.
func (p *Passwords) Verifier(ctx context.Context, a *store.Account, authPW []byte) (onepw.Verifier, error) {
	salt, cost := p.Pepper, p.Cost
	if a != nil {
		salt, cost = a.Salt, a.Cost
	}
	v, err := onepw.NewVerifier(func(password, salt []byte, cost, keyLen int) ([]byte, error) {
		return p.Stretch(ctx, password, salt, cost, keyLen)
	}, authPW, salt, cost)
	if errors.Is(err, stretch.ErrBusy) {
		return v, fault.Busy()
	}
	return v, err
}

// Checked is an account whose password was right.
type Checked struct {
	*store.Account
	verifier onepw.Verifier
	match    store.Password // of the version of the stretching that was used
	isV2     bool
}

// WrapKB is the account's kB as the version that was used wraps it.
func (c Checked) WrapKB() Wrapped {
	kB := c.verifier.Wrap(c.match.WrapWrapKB)
	if c.isV2 {
		return Wrapped{V2: kB}
	}
	return Wrapped{V1: kB}
}

// Authenticate is [Passwords.Check] for a body with an address and its password, and no other
// parameter that matters.
func (p *Passwords) Authenticate(r *api.Request) (Checked, error) {
	var in struct {
		Email    string `json:"email"`
		AuthPW   string `json:"authPW"`
		Version1 string `json:"authPWVersion1"`
	}
	if err := r.Decode(&in); err != nil {
		return Checked{}, err
	}
	return p.Check(r, in.Email, in.AuthPW, in.Version1)
}

// Check counts the try. A wrong password and an address without an account get the same answer
// in the same time. No answer tells how an account's password is stretched, so a client may
// show it in both ways: version1 is that of version 1, or "".
func (p *Passwords) Check(r *api.Request, email, authPWHex, version1 string) (Checked, error) {
	if err := mailaddr.Check(email); err != nil {
		return Checked{}, err
	}
	shown, err := decodeShown(authPWHex, version1)
	if err != nil {
		return Checked{}, err
	}
	done, err := p.Tries.Admit(r, tries.Password, mailaddr.Key(email))
	if err != nil {
		return Checked{}, err
	}
	c, found, err := p.match(r.Context(), email, shown)
	if err != nil {
		done() // nothing was tried
		return Checked{}, err
	}
	if c.Account != nil {
		done()
		return c, p.Enabled(r.Context(), c.UID)
	}
	if lower := mailaddr.Lower(email); lower != email {
		p.Security.Note(r.Context(), security.SignInFailed, wrongPassword(found, security.WrongSpelling), r.RemoteAddr, found.UID)
		// The address is the salt of version 1, and mostly written in lower case. No answer
		// reveals the account's own spelling, or whether there is one.
		return Checked{}, fault.ErrEmailCase.With(fault.Details{Email: lower})
	}
	p.Security.Note(r.Context(), security.SignInFailed, wrongPassword(found, security.WrongPassword), r.RemoteAddr, found.UID)
	return Checked{}, fault.ErrPassword
}

// decodeShown reads the ways in which a client shows a password; version1 may be "".
func decodeShown(authPW, version1 string) ([][]byte, error) {
	first, err := api.Key("authPW", authPW)
	if err != nil || version1 == "" {
		return [][]byte{first}, err
	}
	second, err := api.Key("authPWVersion1", version1)
	return [][]byte{first, second}, err
}

// match finds the account of an address, or its decoy, whose password is shown. c has no
// account if there is none; found is what the address has then, for the log.
func (p *Passwords) match(ctx context.Context, email string, shown [][]byte) (c Checked, found *store.Account, err error) {
	keys := []string{mailaddr.Key(email)}
	if p.Decoys {
		keys = append(keys, mailaddr.DecoyKey(email))
	}
	found = &store.Account{}
	for _, k := range keys {
		a, err := p.AccountByKey(ctx, k)
		if err != nil {
			return c, found, err
		}
		if a != nil && !mailaddr.IsDecoy(a) {
			found = a
		}
		for _, authPW := range shown {
			v, err := p.Verifier(ctx, a, authPW)
			switch {
			case err != nil:
				return c, found, err
			case a == nil:
			case v.Matches(a.V1.Hash):
				return Checked{a, v, a.V1, false}, found, nil
			case v.Matches(a.V2.Hash):
				return Checked{a, v, a.V2, true}, found, nil
			}
		}
	}
	return c, found, nil
}

// wrongPassword returns the reason to log; the account may be nil.
func wrongPassword(a *store.Account, why security.Reason) security.Reason {
	if a.UID == "" {
		return security.NoAccount
	}
	return why
}

// Whose implements auth.Holder.
func (c Checked) Whose() string { return c.UID }

// Still implements auth.Holder for an account whose password was right.
func (c Checked) Still(tx store.Reader) error {
	err := auth.Unchanged(tx, c.Account)
	if errors.Is(err, fault.ErrToken) {
		return fault.ErrPassword
	}
	return err
}

// Enabled refuses an account that its operator disabled. Call it only for a client that has
// proved to be the owner's.
func (p *Passwords) Enabled(ctx context.Context, uid string) error {
	if p.Disabled == nil {
		return nil
	}
	disabled, err := p.Disabled(ctx, uid)
	if err == nil && disabled {
		err = fault.ErrLocked
	}
	return err
}

package accounts

import (
	"context"
	"errors"
	"fmt"

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

// accountByEmail reads an account, or nil.
func (s *Service) accountByEmail(ctx context.Context, email string) (*store.Account, error) {
	return s.accountByKey(ctx, mailaddr.Key(email))
}

func (s *Service) accountByKey(ctx context.Context, key string) (*store.Account, error) {
	a, err := s.db.Read(ctx).AccountByKey(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read an account: %w", err)
	}
	return a, nil
}

// verify stretches authPW as the account's were; with a nil account it does the
// same work for nothing, so that the time does not tell.
func (s *Service) verifier(ctx context.Context, a *store.Account, authPW []byte) (onepw.Verifier, error) {
	salt, cost := s.pepper, s.cfg.Cost
	if a != nil {
		salt, cost = a.Salt, a.Cost
	}
	v, err := onepw.NewVerifier(func(password, salt []byte, cost, keyLen int) ([]byte, error) {
		return s.stretch(ctx, password, salt, cost, keyLen)
	}, authPW, salt, cost)
	if errors.Is(err, stretch.ErrBusy) {
		return v, fault.Busy()
	}
	return v, err
}

// checked is an account whose password was right.
type checked struct {
	*store.Account
	verifier onepw.Verifier
	match    store.Password // of the version of the stretching that was used
	isV2     bool
}

// wrapKB is the account's kB as the version that was used wraps it.
func (c checked) wrapKB() wrapped {
	kB := c.verifier.Wrap(c.match.WrapWrapKB)
	if c.isV2 {
		return wrapped{v2: kB}
	}
	return wrapped{v1: kB}
}

// authenticate is checkPassword of a body that shows an address and its password
// and nothing else that matters.
func (s *Service) authenticate(r *api.Request) (checked, error) {
	var in struct {
		Email    string `json:"email"`
		AuthPW   string `json:"authPW"`
		Version1 string `json:"authPWVersion1"`
	}
	if err := r.Decode(&in); err != nil {
		return checked{}, err
	}
	return s.checkPassword(r, in.Email, in.AuthPW, in.Version1)
}

// checkPassword counts the try, and answers the same, in the same time, to a
// wrong password and to an address without an account. Nobody is told how an
// account's password is stretched, so a client may show it in both ways: version1
// is that of version 1, or "".
func (s *Service) checkPassword(r *api.Request, email, authPWHex, version1 string) (checked, error) {
	if err := mailaddr.Check(email); err != nil {
		return checked{}, err
	}
	authPW, err := api.Key("authPW", authPWHex)
	if err != nil {
		return checked{}, err
	}
	shown := [][]byte{authPW}
	if version1 != "" {
		v1, err := api.Key("authPWVersion1", version1)
		if err != nil {
			return checked{}, err
		}
		shown = append(shown, v1)
	}
	done, err := s.tries.Admit(r, tries.Password, mailaddr.Key(email))
	if err != nil {
		return checked{}, err
	}
	keys := []string{mailaddr.Key(email)}
	if s.cfg.SignUp == SignUpEmail {
		keys = append(keys, mailaddr.DecoyKey(email))
	}
	found := &store.Account{} // for the log
	for _, k := range keys {
		a, err := s.accountByKey(r.Context(), k)
		if err != nil {
			return checked{}, err
		}
		if a != nil && !mailaddr.IsDecoy(a) {
			found = a
		}
		for _, authPW := range shown {
			v, err := s.verifier(r.Context(), a, authPW)
			if err != nil {
				done() // nothing was tried
				return checked{}, err
			}
			switch {
			case a == nil:
			case v.Matches(a.V1.Hash):
				done()
				return checked{a, v, a.V1, false}, s.enabled(r.Context(), a.UID)
			case v.Matches(a.V2.Hash):
				done()
				return checked{a, v, a.V2, true}, s.enabled(r.Context(), a.UID)
			}
		}
	}
	if lower := mailaddr.Lower(email); lower != email {
		s.cfg.Security.Note(r.Context(), security.SignInFailed, wrongPassword(found, security.WrongSpelling), r.RemoteAddr, found.UID)
		// The address is the salt of version 1, and mostly written so. What the
		// account's own spelling is, if there is one, nobody hears.
		return checked{}, fault.ErrEmailCase.With(fault.Details{Email: lower})
	}
	s.cfg.Security.Note(r.Context(), security.SignInFailed, wrongPassword(found, security.WrongPassword), r.RemoteAddr, found.UID)
	return checked{}, fault.ErrPassword
}

// wrongPassword is the reason to note, of an account that may be none.
func wrongPassword(a *store.Account, why security.Reason) security.Reason {
	if a.UID == "" {
		return security.NoAccount
	}
	return why
}

// Still implements auth.Holder for an account whose password was right.
func (c checked) Still(tx store.Reader) error {
	err := auth.Unchanged(tx, c.Account)
	if errors.Is(err, fault.ErrToken) {
		return fault.ErrPassword
	}
	return err
}

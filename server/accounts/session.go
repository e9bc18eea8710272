package accounts

import (
	"errors"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// These are the answers about sessions.
type (
	statusAnswer struct {
		State   string        `json:"state"`
		UID     string        `json:"uid"`
		Details statusDetails `json:"details"`
	}
	statusDetails struct {
		EmailVerified   bool `json:"accountEmailVerified"`
		SessionVerified bool `json:"sessionVerified"`
		Verified        bool `json:"verified"`
		MeetsMinimumAAL bool `json:"sessionVerificationMeetsMinimumAAL"`
	}
	duplicateAnswer struct {
		UID             string `json:"uid"`
		Session         string `json:"sessionToken"`
		AuthAt          int64  `json:"authAt"` // seconds
		Verified        bool   `json:"verified"`
		EmailVerified   bool   `json:"emailVerified"`
		SessionVerified bool   `json:"sessionVerified"`
	}
	reauthAnswer struct {
		UID             string `json:"uid"`
		AuthAt          int64  `json:"authAt"` // seconds
		Verified        bool   `json:"verified"`
		EmailVerified   bool   `json:"emailVerified"`
		SessionVerified bool   `json:"sessionVerified"`
		Metrics         bool   `json:"metricsEnabled"`
		// Method says which second step the session waits for.
		Method string `json:"verificationMethod,omitempty"`
		keyFetchTokens
	}
	emailAnswer struct {
		Email           string `json:"email"`
		Verified        bool   `json:"verified"`
		EmailVerified   bool   `json:"emailVerified"`
		SessionVerified bool   `json:"sessionVerified"`
	}
)

func (s *Service) sessionStatus(r *api.Request) (any, error) {
	c, err := s.auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	state := "verified"
	if c.Complete() != nil {
		state = "unverified"
	}
	return statusAnswer{
		State: state, UID: c.UID,
		Details: statusDetails{EmailVerified: c.Confirmed, SessionVerified: c.Verified, Verified: c.Complete() == nil, MeetsMinimumAAL: true},
	}, nil
}

// sessionDestroy ends the session, or another one of the account that the body
// names by its token.
func (s *Service) sessionDestroy(r *api.Request) (any, error) {
	c, err := s.auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Custom string `json:"customSessionToken"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	end := c.Hash
	if in.Custom != "" {
		if err := c.Complete(); err != nil {
			return nil, err
		}
		raw, ok := api.Unhex(in.Custom, onepw.KeySize)
		if !ok {
			return nil, fault.Invalid("customSessionToken")
		}
		end = store.Hash(onepw.SessionToken(raw).ID)
	}
	err = s.auth.UpdateBy(r.Context(), c, func(tx store.Tx) error {
		return auth.EndTogether(tx, c.UID, end, nil)
	})
	return api.Nothing, err
}

// sessionDuplicate makes another session of the account, for an app that passes its user on to
// another app.
func (s *Service) sessionDuplicate(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	var token string
	err = s.auth.UpdateBy(r.Context(), c, func(tx store.Tx) (err error) {
		token, _, err = s.auth.Issue(tx, auth.NewToken{Kind: store.Session, UID: c.UID, UserAgent: r.Program()})
		return err
	})
	if err != nil {
		return nil, err
	}
	return duplicateAnswer{
		UID: c.UID, Session: token, AuthAt: c.CreatedAt / 1000, Verified: true, EmailVerified: true, SessionVerified: true,
	}, nil
}

// reauthenticate notes that a session showed the password again, which lets it change what
// opens the account, and gives it a key fetch token. It also says whether that takes the second
// step again.
func (s *Service) reauthenticate(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	a, err := s.passwords.Authenticate(r)
	if err != nil {
		return nil, err
	}
	if a.UID != c.UID {
		return nil, fault.ErrToken
	}
	out := reauthAnswer{UID: a.UID, AuthAt: s.cfg.Now().Unix(), Verified: true, EmailVerified: true, SessionVerified: true}
	ctx := r.Context()
	err = s.auth.UpdateBy(ctx, c, func(tx store.Tx) error {
		if err := a.Still(tx); err != nil {
			return err
		}
		if err := tx.SetPasswordShown(c.UID, c.Hash, s.cfg.Now().UnixMilli()); err != nil {
			return err
		}
		out.Method = ""
		err := s.auth.ProvenSecond(tx, c)
		if errors.Is(err, fault.ErrProof) {
			out.Method, err = auth.MethodSecondStep, nil
		}
		if err == nil && wantsKeys(r) {
			out.keyFetchTokens, err = s.keyFetch(tx, a.Account, a.WrapKB(), nil)
		}
		return err
	})
	return out, err
}

func (s *Service) emailStatus(r *api.Request) (any, error) {
	c, err := s.auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	a, err := s.auth.Account(r.Context(), c.UID)
	if err != nil {
		return nil, err
	}
	return emailAnswer{Email: a.Email, Verified: c.Complete() == nil, EmailVerified: c.Confirmed, SessionVerified: c.Verified}, nil
}

package accounts

import (
	"encoding/hex"
	"errors"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

func (s *Service) sessionStatus(r *request) (any, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	state := "verified"
	if c.complete() != nil {
		state = "unverified"
	}
	return map[string]any{
		"state": state,
		"uid":   c.UID,
		"details": map[string]any{
			"accountEmailVerified": c.Confirmed, "sessionVerified": c.Verified, "verified": c.complete() == nil,
			"sessionVerificationMeetsMinimumAAL": true,
		},
	}, nil
}

// sessionDestroy ends the session, or another one of the account that the body
// names by its token.
func (s *Service) sessionDestroy(r *request) (any, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		Custom string `json:"customSessionToken"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	end := c.Hash
	if in.Custom != "" {
		if err := c.complete(); err != nil {
			return nil, err
		}
		raw, ok := unhex(in.Custom, onepw.KeySize)
		if !ok {
			return nil, invalid("customSessionToken")
		}
		end = hash(onepw.SessionToken(raw).ID)
	}
	err = s.updateBy(r.Context(), c, func(tx store.Tx) error {
		return endTogether(tx, c.UID, end, nil)
	})
	return nothing, err
}

// sessionDuplicate makes another session of the account, for an app that hands
// its user over to another one.
func (s *Service) sessionDuplicate(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	var token string
	err = s.updateBy(r.Context(), c, func(tx store.Tx) (err error) {
		token, _, err = s.newToken(tx, freshToken{kind: store.Session, uid: c.UID, userAgent: r.userAgent()})
		return err
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"uid": c.UID, "sessionToken": token, "authAt": c.CreatedAt / 1000,
		"verified": true, "emailVerified": true, "sessionVerified": true,
	}, nil
}

// reauthenticate notes that a session showed the password again, which lets it
// change what opens the account, and gives it a key fetch token. Whether that
// takes the second step again as well it tells too.
func (s *Service) reauthenticate(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	a, err := s.authenticate(r)
	if err != nil {
		return nil, err
	}
	if a.UID != c.UID {
		return nil, errToken
	}
	out := map[string]any{
		"uid": a.UID, "authAt": s.cfg.Now().Unix(), "verified": true, "emailVerified": true, "sessionVerified": true, "metricsEnabled": false,
	}
	ctx := r.Context()
	err = s.updateBy(ctx, c, func(tx store.Tx) error {
		if err := a.still(tx); err != nil {
			return err
		}
		if err := tx.SetPasswordShown(c.UID, c.Hash, s.cfg.Now().UnixMilli()); err != nil {
			return err
		}
		err := s.provenSecond(tx, c)
		if errors.Is(err, errProof) {
			out["verificationMethod"], err = lacksSecondStep, nil
		}
		if err == nil && wantsKeys(r) {
			err = s.keyFetch(tx, a.Account, a.wrapKB(), keyFetchV2, nil, out)
		}
		return err
	})
	return out, err
}

func (s *Service) emailStatus(r *request) (any, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	a, err := s.account(r.Context(), c.UID)
	if err != nil {
		return nil, err
	}
	return map[string]any{"email": a.Email, "verified": c.complete() == nil, "emailVerified": c.Confirmed, "sessionVerified": c.Verified}, nil
}

// publicHash names a token to other clients of its account, who must not learn
// its id: on mobile the id alone is proof.
func publicHash(h []byte) any {
	if h == nil {
		return nil
	}
	return hex.EncodeToString(h)
}

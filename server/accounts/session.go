package accounts

import (
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/syncmanager/syncmanager/internal/onepw"
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
		"uid":   c.uid,
		"details": map[string]any{
			"accountEmailVerified": c.confirmed, "sessionVerified": c.verified, "verified": c.complete() == nil,
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
	end := c.hash
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
	err = s.updateBy(r.Context(), c, func(tx *sql.Tx) error {
		return endTogether(r.Context(), tx, c.uid, end, nil)
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
	err = s.updateBy(r.Context(), c, func(tx *sql.Tx) (err error) {
		token, err = s.newToken(r.Context(), tx, freshToken{kind: kindSession, uid: c.uid, userAgent: r.userAgent()})
		return err
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"uid": c.uid, "sessionToken": token, "authAt": c.createdAt / 1000,
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
	a, err := s.shownPassword(r)
	if err != nil {
		return nil, err
	}
	if a.uid != c.uid {
		return nil, errToken
	}
	out := map[string]any{
		"uid": a.uid, "authAt": s.cfg.Now().Unix(), "verified": true, "emailVerified": true, "sessionVerified": true, "metricsEnabled": false,
	}
	ctx := r.Context()
	err = s.updateBy(ctx, c, func(tx *sql.Tx) error {
		if err := a.still(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE tokens SET password_at = ? WHERE hash = ?`, s.cfg.Now().UnixMilli(), c.hash); err != nil {
			return err
		}
		err := s.provenSecond(ctx, tx, c)
		if errors.Is(err, errProof) {
			out["verificationMethod"], err = lacksSecondStep, nil
		}
		if err == nil && wantsKeys(r) {
			err = s.keyFetch(ctx, tx, a.account, a.wrapKB(), keyFetchV2, out)
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
	a, err := s.account(r.Context(), c.uid)
	if err != nil {
		return nil, err
	}
	return map[string]any{"email": a.email, "verified": c.complete() == nil, "emailVerified": c.confirmed, "sessionVerified": c.verified}, nil
}

// publicHash names a token to other clients of its account, who must not learn
// its id: on mobile the id alone is proof.
func publicHash(h []byte) any {
	if h == nil {
		return nil
	}
	return hex.EncodeToString(h)
}

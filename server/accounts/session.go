package accounts

import (
	"database/sql"
	"encoding/hex"

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
	err = s.db.Update(r.Context(), func(tx *sql.Tx) error {
		res, err := tx.ExecContext(r.Context(), `DELETE FROM tokens WHERE hash = ? AND uid = ? AND kind = ?`, end, c.uid, kindSession)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return errToken
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
	err = s.db.Update(r.Context(), func(tx *sql.Tx) (err error) {
		token, err = s.newToken(r.Context(), tx, kindSession, c.uid, r.userAgent(), nil)
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

// reauthenticate gives a session that shows the password again a key fetch token.
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
	if wantsKeys(r) {
		err = s.db.Update(r.Context(), func(tx *sql.Tx) error {
			return s.keyFetch(r.Context(), tx, a.account, a.wrapKB(), keyFetchV2, out)
		})
	}
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

package accounts

import (
	"bytes"
	"database/sql"
)

// upgrade adds version 2 of the stretching to a password that stays as it is. No
// session ends, as nothing else changes. done is false if the credentials are
// not those: then it is a new password.
func (s *Service) upgrade(r *request, c *credential, in credentials) (answer any, done bool, err error) {
	ctx := r.Context()
	a, err := s.account(ctx, c.uid)
	if err != nil || a.clientSalt != "" || in.authPW2 == nil {
		return nil, false, err
	}
	v1, err := s.verifier(ctx, a, in.authPW)
	if err != nil || !v1.Matches(a.v1.verifyHash) || !bytes.Equal(v1.Wrap(a.v1.wrapWrapKB), in.wrapKB) {
		return nil, false, err
	}
	v2, err := s.verifier(ctx, a, in.authPW2)
	if err != nil {
		return nil, false, err
	}
	out := map[string]any{"uid": a.uid, "authAt": s.cfg.Now().Unix(), "verified": true}
	err = s.updateBy(ctx, c, func(tx *sql.Tx) error {
		if err := spend(ctx, tx, c); err != nil {
			return err
		}
		// Not if the password changed meanwhile.
		_, err := tx.ExecContext(ctx, `UPDATE accounts SET client_salt = ?, verify_hash_v2 = ?, wrap_wrap_kb_v2 = ?
			WHERE uid = ? AND client_salt IS NULL AND verify_hash = ?`,
			in.ClientSalt, v2.Hash, v2.Wrap(in.wrapKB2), a.uid, a.v1.verifyHash)
		if err != nil || !wantsKeys(r) {
			return err
		}
		return s.keyFetch(ctx, tx, a, wrapped{in.wrapKB, in.wrapKB2}, keyFetchChange, out)
	})
	return out, true, err
}

package accounts

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"

	"github.com/syncmanager/syncmanager/server/security"
)

// A recovery key is random and long, and made by a page. Its id, derived from
// it, proves to the server that somebody has it; kB is sealed under another key
// derived from it, so that the server cannot open it.
const (
	// recoveryIDSize is in bytes.
	recoveryIDSize = 16
	// maxRecoveryData bounds what is kept, in bytes.
	maxRecoveryData = 1024
)

func recoveryHash(id []byte) []byte { return hash("recovery key " + string(id)) }

// createRecoveryKey keeps what a page made.
func (s *Service) createRecoveryKey(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		ID      string `json:"recoveryKeyId"`
		Data    string `json:"recoveryData"`
		Replace bool   `json:"replaceKey"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	id, ok := unhex(in.ID, recoveryIDSize)
	switch {
	case !ok:
		return nil, invalid("recoveryKeyId")
	case in.Data == "":
		return nil, missing("recoveryData")
	case len(in.Data) > maxRecoveryData:
		return nil, invalid("recoveryData")
	}
	ctx := r.Context()
	return nothing, s.updateProven(ctx, c, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO recovery_keys (uid, hash, data, created_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (uid) DO UPDATE SET hash = excluded.hash, data = excluded.data, created_at = excluded.created_at WHERE ?`,
			c.uid, recoveryHash(id), in.Data, s.cfg.Now().UnixMilli(), in.Replace)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return errRecoveryExists
	})
}

// recoveryKeyExists tells a session whether its account has a recovery key.
func (s *Service) recoveryKeyExists(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	var exists bool
	err = s.db.Read().QueryRowContext(r.Context(), `SELECT EXISTS (SELECT 1 FROM recovery_keys WHERE uid = ?)`, c.uid).Scan(&exists)
	return map[string]any{"exists": exists}, err
}

func (s *Service) deleteRecoveryKey(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	return nothing, s.updateProven(r.Context(), c, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(r.Context(), `DELETE FROM recovery_keys WHERE uid = ?`, c.uid)
		return err
	})
}

// startRecovery takes a recovery key's id in the place of a password, and gives
// the sealed kB and a token that sets a new password. There is no e-mail that
// could prove as much. An address without an account, or without a recovery key,
// is answered as a wrong key is. With two-step sign-in it takes a code as well.
//
// This server's own: elsewhere an e-mail comes first.
func (s *Service) startRecovery(r *request) (any, error) {
	var in struct {
		Email string `json:"email"`
		ID    string `json:"recoveryKeyId"`
		Code  string `json:"code"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := checkEmail(in.Email); err != nil {
		return nil, err
	}
	id, ok := unhex(in.ID, recoveryIDSize)
	if !ok {
		return nil, invalid("recoveryKeyId")
	}
	if len(in.Code) > maxCode {
		return nil, invalid("code")
	}
	done, err := s.admit(r, tryRecovery, emailKey(in.Email))
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	out := map[string]any{}
	var refusal error
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var uid, email, data string
		var want []byte
		err := tx.QueryRowContext(ctx, `SELECT a.uid, a.email, k.hash, k.data FROM accounts a JOIN recovery_keys k ON k.uid = a.uid
			WHERE a.email_key = ?`, emailKey(in.Email)).Scan(&uid, &email, &want, &data)
		if errors.Is(err, sql.ErrNoRows) || err == nil && subtle.ConstantTimeCompare(want, recoveryHash(id)) != 1 {
			return errRecoveryKey
		}
		if err != nil {
			return err
		}
		second, refused, err := s.recoveryCode(ctx, tx, uid, in.Code)
		if refusal = refused; err != nil || refused != nil {
			return err
		}
		t := freshToken{kind: kindReset, uid: uid}
		if second {
			t.secondAt = s.cfg.Now().UnixMilli()
		}
		out["uid"], out["email"], out["recoveryData"] = uid, email, data
		out["accountResetToken"], err = s.newToken(ctx, tx, t)
		return err
	})
	if err == nil {
		err = refusal
	}
	if err == nil {
		done()
	}
	return out, err
}

// recoveryCode checks the second step of a recovery, if the account has one: a
// code of the app or a backup code. second reports whether there is one.
func (s *Service) recoveryCode(ctx context.Context, tx *sql.Tx, uid, code string) (second bool, refusal, err error) {
	t, err := readTOTP(ctx, tx, uid)
	if err != nil || t == nil || !t.enabled {
		return false, nil, err
	}
	if code == "" {
		return true, errUnverified.with("verificationMethod", lacksSecondStep), nil
	}
	ok, err := s.useTOTP(ctx, tx, uid, t, code)
	if err == nil && !ok {
		ok, err = useBackupCode(ctx, tx, uid, code)
	}
	if err == nil && !ok {
		refusal = errCode
	}
	return true, refusal, err
}

// resetAccount sets a new password for an account whose old one is forgotten, and
// ends all that the old one opened, the recovery key too.
func (s *Service) resetAccount(r *request) (any, error) {
	c, err := s.authenticate(r, kindReset)
	if err != nil {
		return nil, err
	}
	listeners := s.listeners(r.Context(), c.uid, everyDevice)
	out, err := s.newPassword(r, c, keyFetchV2)
	if err == nil {
		s.note(r, security.RecoveryUsed, security.ByRecoveryKey, c.uid)
		s.notify(r.Context(), listeners, "password_reset", nil, goodbyeLife)
	}
	return out, err
}

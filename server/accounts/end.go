package accounts

import (
	"context"
	"database/sql"
	"errors"
)

// endTogether ends a session of an account, or a refresh token, and whatever was
// given with the same code: a phone gets both, and either gets the other again.
// The other one is nil. The error is errToken if there is none.
func endTogether(ctx context.Context, tx *sql.Tx, uid string, session, refresh []byte) error {
	var grant, from []byte
	var err error
	if refresh != nil {
		err = tx.QueryRowContext(ctx, `SELECT grant_id, session FROM refresh_tokens WHERE hash = ? AND uid = ?`, refresh, uid).Scan(&grant, &from)
		session = from // it would get another one
	} else {
		err = tx.QueryRowContext(ctx, `SELECT grant_id FROM tokens WHERE hash = ? AND uid = ? AND kind = ?`, session, uid, kindSession).Scan(&grant)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return errToken
	}
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM refresh_tokens WHERE uid = ? AND (hash = ? OR grant_id = ?)`, uid, refresh, grant); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM tokens WHERE uid = ? AND (hash = ? OR grant_id = ?)`, uid, session, grant)
	return err
}

// endRefresh ends a refresh token that its client gives back. A client that has
// got another one for the same code goes on; one that has not signs out, and what
// else it was given ends too.
func endRefresh(ctx context.Context, tx *sql.Tx, token []byte) error {
	var grant []byte
	err := tx.QueryRowContext(ctx, `DELETE FROM refresh_tokens WHERE hash = ? RETURNING grant_id`, token).Scan(&grant)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil || grant == nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM tokens WHERE grant_id = ?1 AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE grant_id = ?1)`, grant)
	return err
}

// endAll ends all that an account's old password opened: sessions, tokens, devices,
// the recovery key, a second step that was not shown to set the new password, and
// the backup codes. It returns what its owner must be told of: new backup codes,
// and what to make anew.
func (s *Service) endAll(ctx context.Context, tx *sql.Tx, c *credential) (map[string]any, error) {
	told := map[string]any{}
	for _, table := range []string{"tokens", "refresh_tokens"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE uid = ?`, c.uid); err != nil {
			return nil, err
		}
	}
	res, err := tx.ExecContext(ctx, `DELETE FROM recovery_keys WHERE uid = ?`, c.uid)
	if err != nil {
		return nil, err
	}
	if n, err := res.RowsAffected(); err != nil {
		return nil, err
	} else if n > 0 {
		told["recoveryKeyEnded"] = true
	}
	t, err := readTOTP(ctx, tx, c.uid)
	if err != nil || t == nil {
		return told, err
	}
	if t.enabled && c.secondAt > 0 {
		told["recoveryCodes"], err = s.newBackupCodes(ctx, tx, c.uid)
		return told, err
	}
	if t.enabled {
		told["twoStepEnded"] = true
		if err := profileChanged(ctx, tx, c.uid, s.cfg.Now()); err != nil {
			return nil, err
		}
	}
	return told, removeTwoStep(ctx, tx, c.uid)
}

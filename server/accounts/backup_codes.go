package accounts

import (
	"context"
	"database/sql"
	"strings"

	"github.com/syncmanager/syncmanager/server/security"
)

// Backup codes take the place of an authenticator app that was lost. Each is
// good once.
const (
	backupCodes = 8
	// backupSize is a code's length in bytes, 80 bits; its text has 16 characters.
	backupSize = 10
)

func backupHash(uid, code string) []byte {
	return hash("backup code " + uid + " " + strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code)))
}

// newBackupCodes replaces an account's backup codes. They are not stored, so
// this is the only time to see them.
func (s *Service) newBackupCodes(ctx context.Context, tx *sql.Tx, uid string) ([]string, error) {
	if _, err := tx.ExecContext(ctx, `DELETE FROM backup_codes WHERE uid = ?`, uid); err != nil {
		return nil, err
	}
	codes := make([]string, backupCodes)
	for i := range codes {
		raw, err := s.random(backupSize)
		if err != nil {
			return nil, err
		}
		codes[i] = inviteCode.EncodeToString(raw)
		if _, err := tx.ExecContext(ctx, `INSERT INTO backup_codes (hash, uid) VALUES (?, ?)`, backupHash(uid, codes[i]), uid); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// replaceBackupCodes gives new codes, and ends the old ones.
func (s *Service) replaceBackupCodes(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var codes []string
	err = s.updateProven(ctx, c, func(tx *sql.Tx) error {
		enabled, err := twoStep(ctx, tx, c.uid)
		if err != nil {
			return err
		}
		if !enabled {
			return errTOTPMissing
		}
		codes, err = s.newBackupCodes(ctx, tx, c.uid)
		return err
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"recoveryCodes": codes}, nil
}

// backupCodesExist tells how many codes are left.
func (s *Service) backupCodesExist(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	var n int
	err = s.db.Read().QueryRowContext(r.Context(), `SELECT COUNT(*) FROM backup_codes WHERE uid = ?`, c.uid).Scan(&n)
	return map[string]any{"hasBackupCodes": n > 0, "count": n}, err
}

// verifyBackupCode verifies the session by a backup code, and tells how many are
// left.
func (s *Service) verifyBackupCode(r *request) (any, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	code, done, err := s.codeTry(r, trySecondStep, c.uid)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var left int
	err = s.updateBy(ctx, c, func(tx *sql.Tx) error {
		ok, err := useBackupCode(ctx, tx, c.uid, code)
		if err != nil {
			return err
		}
		if !ok {
			return errBackupCode
		}
		if err := s.verifySession(ctx, tx, r, c); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM backup_codes WHERE uid = ?`, c.uid).Scan(&left)
	})
	if err != nil {
		return nil, err
	}
	done()
	s.note(r, security.RecoveryUsed, security.ByBackupCode, c.uid)
	return map[string]any{"remaining": left}, nil
}

// useBackupCode reports whether a code is one of the account's, and spends it.
func useBackupCode(ctx context.Context, tx *sql.Tx, uid, code string) (bool, error) {
	res, err := tx.ExecContext(ctx, `DELETE FROM backup_codes WHERE hash = ? AND uid = ?`, backupHash(uid, code), uid)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

package accounts

import (
	"strings"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
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

// The answers about backup codes.
type (
	backupCodesAnswer struct {
		Codes []string `json:"recoveryCodes"`
	}
	backupCodesLeft struct {
		Exist bool `json:"hasBackupCodes"`
		Count int  `json:"count"`
	}
	backupCodeUsed struct {
		Remaining int `json:"remaining"`
	}
)

// newBackupCodes replaces an account's backup codes. They are not stored, so
// this is the only time to see them.
func (s *Service) newBackupCodes(tx store.Tx, uid string) ([]string, error) {
	codes, hashes := make([]string, backupCodes), make([][]byte, backupCodes)
	for i := range codes {
		raw, err := s.random(backupSize)
		if err != nil {
			return nil, err
		}
		codes[i] = inviteCode.EncodeToString(raw)
		hashes[i] = backupHash(uid, codes[i])
	}
	return codes, tx.ReplaceBackupCodes(uid, hashes)
}

// replaceBackupCodes gives new codes, and ends the old ones.
func (s *Service) replaceBackupCodes(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var codes []string
	err = s.updateProven(ctx, c, func(tx store.Tx) error {
		enabled, err := twoStep(tx, c.UID)
		if err != nil {
			return err
		}
		if !enabled {
			return errTOTPMissing
		}
		codes, err = s.newBackupCodes(tx, c.UID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return backupCodesAnswer{codes}, nil
}

// backupCodesExist tells how many codes are left.
func (s *Service) backupCodesExist(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	n, err := s.db.Read(r.Context()).CountBackupCodes(c.UID)
	return backupCodesLeft{Exist: n > 0, Count: n}, err
}

// verifyBackupCode verifies the session by a backup code, and tells how many are
// left.
func (s *Service) verifyBackupCode(r *request) (any, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	code, done, err := s.codeTry(r, trySecondStep, c.UID)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var left int
	err = s.updateBy(ctx, c, func(tx store.Tx) error {
		ok, err := tx.UseBackupCode(c.UID, backupHash(c.UID, code))
		if err != nil {
			return err
		}
		if !ok {
			return errBackupCode
		}
		if err := s.verifySession(tx, r, c); err != nil {
			return err
		}
		left, err = tx.CountBackupCodes(c.UID)
		return err
	})
	if err != nil {
		return nil, err
	}
	done()
	s.note(r, security.RecoveryUsed, security.ByBackupCode, c.UID)
	return backupCodeUsed{left}, nil
}

package accounts

import (
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/security"
)

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

// replaceBackupCodes gives new codes, and ends the old ones.
func (s *Service) replaceBackupCodes(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var codes []string
	err = s.auth.UpdateProven(ctx, c, func(tx store.Tx) error {
		enabled, err := auth.SecondStepRequired(tx, c.UID)
		if err != nil {
			return err
		}
		if !enabled {
			return fault.ErrTOTPMissing
		}
		codes, err = secondfactor.NewBackupCodes(tx, c.UID, s.cfg.Rand)
		return err
	})
	if err != nil {
		return nil, err
	}
	return backupCodesAnswer{codes}, nil
}

// backupCodesExist tells how many codes are left.
func (s *Service) backupCodesExist(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	n, err := s.db.Read(r.Context()).CountBackupCodes(c.UID)
	return backupCodesLeft{Exist: n > 0, Count: n}, err
}

// verifyBackupCode verifies the session by a backup code, and tells how many are
// left.
func (s *Service) verifyBackupCode(r *api.Request) (any, error) {
	c, err := s.auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	code, done, err := s.tries.AdmitCode(r, tries.SecondStep, c.UID)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var left int
	err = s.auth.UpdateBy(ctx, c, func(tx store.Tx) error {
		ok, err := secondfactor.UseBackupCode(tx, c.UID, code)
		if err != nil {
			return err
		}
		if !ok {
			return fault.ErrBackupCode
		}
		if err := s.auth.ShowSecondStep(tx, r, c); err != nil {
			return err
		}
		left, err = tx.CountBackupCodes(c.UID)
		return err
	})
	if err != nil {
		return nil, err
	}
	done()
	s.cfg.Security.Note(r.Context(), security.RecoveryUsed, security.ByBackupCode, r.RemoteAddr, c.UID)
	return backupCodeUsed{left}, nil
}

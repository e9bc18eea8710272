package secondfactor

import (
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
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

// ReplaceBackupCodes gives new codes, and ends the old ones.
func (h *Handlers) ReplaceBackupCodes(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var codes []string
	err = h.Auth.UpdateProven(ctx, c, func(tx store.Tx) error {
		enabled, err := auth.SecondStepRequired(tx, c.UID)
		if err != nil {
			return err
		}
		if !enabled {
			return fault.ErrTOTPMissing
		}
		codes, err = NewBackupCodes(tx, c.UID, h.Rand)
		return err
	})
	if err != nil {
		return nil, err
	}
	return backupCodesAnswer{codes}, nil
}

// BackupCodesExist tells how many codes are left.
func (h *Handlers) BackupCodesExist(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	n, err := h.DB.Read(r.Context()).CountBackupCodes(c.UID)
	return backupCodesLeft{Exist: n > 0, Count: n}, err
}

// VerifyBackupCode verifies the session by a backup code, and tells how many are
// left.
func (h *Handlers) VerifyBackupCode(r *api.Request) (any, error) {
	c, err := h.Auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	code, done, err := h.Tries.AdmitCode(r, tries.SecondStep, c.UID)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var left int
	err = h.Auth.UpdateBy(ctx, c, func(tx store.Tx) error {
		ok, err := UseBackupCode(tx, c.UID, code)
		if err != nil {
			return err
		}
		if !ok {
			return fault.ErrBackupCode
		}
		if err := h.Auth.ShowSecondStep(tx, r, c); err != nil {
			return err
		}
		left, err = tx.CountBackupCodes(c.UID)
		return err
	})
	if err != nil {
		return nil, err
	}
	done()
	h.Security.Note(r.Context(), security.RecoveryUsed, security.ByBackupCode, r.RemoteAddr, c.UID)
	return backupCodeUsed{left}, nil
}

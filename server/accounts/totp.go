package accounts

import (
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/security"
)

// The answers about authenticator apps.
type (
	totpSecret struct {
		QRCode string `json:"qrCodeUrl"`
		Secret string `json:"secret"`
	}
	totpStatus struct {
		Exists   bool `json:"exists"`
		Verified bool `json:"verified"`
	}
	totpAnswer struct {
		Success bool `json:"success"`
		// BackupCodes come with the first code of an app.
		BackupCodes []string `json:"recoveryCodes,omitempty"`
	}
)

// createTOTP makes a secret, which counts from the first code on that it gave.
func (s *Service) createTOTP(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	a, err := s.auth.Account(ctx, c.UID)
	if err != nil {
		return nil, err
	}
	secret, err := random.Bytes(s.cfg.Rand, secondfactor.SecretSize)
	if err != nil {
		return nil, err
	}
	picture, err := secondfactor.Picture(s.cfg.PublicURLs.Canonical().Host, a.Email, secret)
	if err != nil {
		return nil, err
	}
	err = s.auth.UpdateProven(ctx, c, func(tx store.Tx) error {
		enabled, err := auth.SecondStepRequired(tx, c.UID)
		if err != nil {
			return err
		}
		if enabled {
			return fault.ErrTOTPExists
		}
		return tx.SetTOTPSecret(c.UID, secret)
	})
	if err != nil {
		return nil, err
	}
	return totpSecret{QRCode: picture, Secret: secondfactor.Text(secret)}, nil
}

// totpExists tells whether an account has a second step, to a session that may
// be waiting for it.
func (s *Service) totpExists(r *api.Request) (any, error) {
	c, err := s.auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	enabled, err := auth.SecondStepRequired(s.db.Read(r.Context()), c.UID)
	return totpStatus{Exists: enabled, Verified: enabled}, err
}

// verifyTOTP takes a code. It verifies the session; the first code of a new
// secret turns the second step on, and gives the backup codes.
func (s *Service) verifyTOTP(r *api.Request) (any, error) {
	c, err := s.auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	code, done, err := s.tries.AdmitCode(r, tries.SecondStep, c.UID)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var out totpAnswer
	err = s.auth.UpdateBy(ctx, c, func(tx store.Tx) error {
		state, err := secondfactor.Of(tx, c.UID)
		if err != nil {
			return err
		}
		if state == secondfactor.None || state == secondfactor.Pending && c.Complete() != nil {
			return fault.ErrTOTPMissing
		}
		if state == secondfactor.Pending {
			if err := s.auth.Proven(tx, c); err != nil {
				return err
			}
		}
		ok, err := secondfactor.Use(tx, c.UID, code, s.cfg.Now())
		if err != nil || !ok {
			return err
		}
		out.Success = true
		if state == secondfactor.Pending {
			if out.BackupCodes, err = secondfactor.NewBackupCodes(tx, c.UID, s.cfg.Rand); err != nil {
				return err
			}
			if err := tx.SetProfileChanged(c.UID, s.cfg.Now().UnixMilli()); err != nil {
				return err
			}
		}
		return s.auth.ShowSecondStep(tx, r, c)
	})
	switch {
	case err != nil:
	case out.Success:
		done()
	default:
		s.cfg.Security.Note(r.Context(), security.SignInFailed, security.WrongCode, r.RemoteAddr, c.UID)
	}
	return out, err
}

// destroyTOTP turns the second step off.
func (s *Service) destroyTOTP(r *api.Request) (any, error) {
	c, err := s.auth.Session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	return api.Nothing, s.auth.UpdateProven(ctx, c, func(tx store.Tx) error {
		if err := tx.RemoveSecondStep(c.UID); err != nil {
			return err
		}
		return tx.SetProfileChanged(c.UID, s.cfg.Now().UnixMilli())
	})
}

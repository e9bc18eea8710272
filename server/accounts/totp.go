package accounts

import (
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
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
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	a, err := s.account(ctx, c.UID)
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
	err = s.updateProven(ctx, c, func(tx store.Tx) error {
		enabled, err := secondfactor.Required(tx, c.UID)
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
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	enabled, err := secondfactor.Required(s.db.Read(r.Context()), c.UID)
	return totpStatus{Exists: enabled, Verified: enabled}, err
}

// verifyTOTP takes a code. It verifies the session; the first code of a new
// secret turns the second step on, and gives the backup codes.
func (s *Service) verifyTOTP(r *api.Request) (any, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	code, done, err := s.tries.AdmitCode(r, tries.SecondStep, c.UID)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var out totpAnswer
	err = s.updateBy(ctx, c, func(tx store.Tx) error {
		state, err := secondfactor.Of(tx, c.UID)
		if err != nil {
			return err
		}
		if state == secondfactor.None || state == secondfactor.Pending && c.complete() != nil {
			return fault.ErrTOTPMissing
		}
		if state == secondfactor.Pending {
			if err := s.proven(tx, c); err != nil {
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
			if err := profileChanged(tx, c.UID, s.cfg.Now()); err != nil {
				return err
			}
		}
		return s.verifySession(tx, r, c)
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

// verifySession completes a sign-in by its second step, or shows it again.
func (s *Service) verifySession(tx store.Tx, r *api.Request, c *credential) error {
	if err := s.tries.Know(tx, r, c.UID); err != nil {
		return err
	}
	return tx.SetSecondStepShown(c.UID, c.Hash, s.cfg.Now().UnixMilli())
}

// profileChanged makes clients read the profile again, which tells of the second
// step.
func profileChanged(tx store.Tx, uid string, now time.Time) error {
	return tx.SetProfileChanged(uid, now.UnixMilli())
}

// destroyTOTP turns the second step off.
func (s *Service) destroyTOTP(r *api.Request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	return api.Nothing, s.updateProven(ctx, c, func(tx store.Tx) error {
		if err := tx.RemoveSecondStep(c.UID); err != nil {
			return err
		}
		return profileChanged(tx, c.UID, s.cfg.Now())
	})
}

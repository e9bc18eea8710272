package secondfactor

import (
	"io"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/publicname"
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

// Handlers answers the requests about second steps.
type Handlers struct {
	DB       store.Store
	Auth     *auth.Authenticator
	Tries    *tries.Counter
	URLs     publicname.Names
	Now      func() time.Time
	Rand     io.Reader
	Security *security.Log // may be nil
}

// CreateApp makes a secret, which takes effect when its first code is verified.
func (h *Handlers) CreateApp(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	a, err := h.Auth.Account(ctx, c.UID)
	if err != nil {
		return nil, err
	}
	secret, err := random.Bytes(h.Rand, secretSize)
	if err != nil {
		return nil, err
	}
	code, err := picture(h.URLs.Canonical().Host, a.Email, secret)
	if err != nil {
		return nil, err
	}
	err = h.Auth.UpdateProven(ctx, c, func(tx store.Tx) error {
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
	return totpSecret{QRCode: code, Secret: text(secret)}, nil
}

// AppExists tells whether an account has a second step, to a session that may
// be waiting for it.
func (h *Handlers) AppExists(r *api.Request) (any, error) {
	c, err := h.Auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	enabled, err := auth.SecondStepRequired(h.DB.Read(r.Context()), c.UID)
	return totpStatus{Exists: enabled, Verified: enabled}, err
}

// VerifyApp takes a code. It verifies the session; the first code of a new
// secret turns the second step on, and gives the backup codes.
func (h *Handlers) VerifyApp(r *api.Request) (any, error) {
	c, err := h.Auth.AnySession(r)
	if err != nil {
		return nil, err
	}
	code, done, err := h.Tries.AdmitCode(r, tries.SecondStep, c.UID)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	var out totpAnswer
	err = h.Auth.UpdateBy(ctx, c, func(tx store.Tx) (err error) {
		if out, err = h.verify(tx, c, code); err != nil || !out.Success {
			return err
		}
		return h.Auth.ShowSecondStep(tx, r, c)
	})
	switch {
	case err != nil:
	case out.Success:
		done()
	default:
		h.Security.Note(ctx, security.SignInFailed, security.WrongCode, r.RemoteAddr, c.UID)
	}
	return out, err
}

// verify checks a code of the app, and turns the second step on if it is the app's first.
func (h *Handlers) verify(tx store.Tx, c *auth.Credential, code string) (out totpAnswer, err error) {
	state, err := Of(tx, c.UID)
	if err != nil {
		return out, err
	}
	if state == None || state == Pending && c.Complete() != nil {
		return out, fault.ErrTOTPMissing
	}
	if state == Pending {
		if err := h.Auth.Proven(tx, c); err != nil {
			return out, err
		}
	}
	if out.Success, err = Use(tx, c.UID, code, h.Now()); err != nil || !out.Success || state == Enabled {
		return out, err
	}
	if out.BackupCodes, err = NewBackupCodes(tx, c.UID, h.Rand); err != nil {
		return out, err
	}
	return out, tx.SetProfileChanged(c.UID, h.Now().UnixMilli())
}

// DestroyApp turns the second step off.
func (h *Handlers) DestroyApp(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	return api.Nothing, h.Auth.UpdateProven(ctx, c, func(tx store.Tx) error {
		if err := tx.RemoveSecondStep(c.UID); err != nil {
			return err
		}
		if err := tx.RemoveOperatorSessions(c.UID); err != nil { // which take a second step
			return err
		}
		return tx.SetProfileChanged(c.UID, h.Now().UnixMilli())
	})
}

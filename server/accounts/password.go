package accounts

import (
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/devices"
	"github.com/syncmanager/syncmanager/server/accounts/internal/password"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/security"
)

// changeAnswer answers a client that begins to change a password.
type changeAnswer struct {
	Verified bool   `json:"verified"`
	Token    string `json:"passwordChangeToken"`
	keyFetchTokens
}

// changeStart begins to change the password: the old one gives the keys, to be
// wrapped again.
func (s *Service) changeStart(r *api.Request) (any, error) {
	var in struct {
		Email     string `json:"email"`
		OldAuthPW string `json:"oldAuthPW"`
		Version1  string `json:"authPWVersion1"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	a, err := s.passwords.Check(r, in.Email, in.OldAuthPW, in.Version1)
	if err != nil {
		return nil, err
	}
	c, err := s.auth.OptionalSession(r, a.UID)
	if err != nil {
		return nil, err
	}
	out := changeAnswer{Verified: true}
	ctx := r.Context()
	err = s.auth.UpdateBy(ctx, a, func(tx store.Tx) error {
		shown, err := s.auth.RequireSecondStep(tx, a.UID, c)
		if err != nil {
			return err
		}
		var secondAt int64
		if shown {
			secondAt = s.cfg.Now().UnixMilli()
		}
		keys, err := s.keyFetch(tx, a.Account, a.WrapKB(), nil)
		if err != nil {
			return err
		}
		out.keyFetchTokens = keys.forChange()
		out.Token, _, err = s.auth.Issue(tx, auth.NewToken{Kind: store.Change, UID: a.UID, SecondAt: secondAt})
		return err
	})
	return out, err
}

// changeFinish sets the new password and ends every session of the account; or
// it upgrades the old one.
func (s *Service) changeFinish(r *api.Request) (any, error) {
	c, err := s.auth.Token(r, store.Change)
	if err != nil {
		return nil, err
	}
	in, err := decodeNew(r)
	if err != nil {
		return nil, err
	}
	if out, done, err := s.upgrade(r, c, in); done || err != nil {
		return out, err
	}
	listeners := s.notifier.Listeners(r.Context(), c.UID, devices.Every)
	out, err := s.newPassword(r, c, in)
	if err == nil {
		out.keyFetchTokens = out.forChange()
		s.notifier.Tell(r.Context(), listeners, devices.PasswordChanged)
	}
	return out, err
}

// decodeNew reads the password that a body sets.
func decodeNew(r *api.Request) (password.New, error) {
	var in password.Credentials
	if err := r.Decode(&in); err != nil {
		return password.New{}, err
	}
	return in.Decode(true)
}

// newPassword consumes a token, sets a password, ends all that
// the old one opened and begins a new session.
func (s *Service) newPassword(r *api.Request, c *auth.Credential, in password.New) (*signedIn, error) {
	ctx := r.Context()
	a, err := s.auth.Account(ctx, c.UID)
	if err != nil {
		return nil, err
	}
	kB, err := s.passwords.Set(ctx, a, in)
	if err != nil {
		return nil, err
	}
	// It must grow even if the clock goes back.
	a.Generation = max(a.Generation+1, s.cfg.Now().UnixMilli())
	var out *signedIn
	err = s.auth.UpdateBy(ctx, c, func(tx store.Tx) error {
		if err := auth.Consume(tx, c); err != nil {
			return err
		}
		if err := tx.SetPassword(a); err != nil {
			return err
		}
		ended, err := s.endAll(tx, c)
		if err != nil {
			return err
		}
		if out, err = s.signIn(tx, r, a, kB, c.SecondAt, false); err != nil {
			return err
		}
		out.ended = ended
		if c.Kind != store.Reset {
			return nil
		}
		return tx.SetNotice(c.UID, store.Notice{Kind: noticeRecoveryUsed, At: s.cfg.Now().UnixMilli()})
	})
	return out, err
}

// destroy deletes the account, by its password and its second step.
func (s *Service) destroy(r *api.Request) (any, error) {
	a, err := s.passwords.Authenticate(r)
	if err != nil {
		return nil, err
	}
	c, err := s.auth.OptionalSession(r, a.UID)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	return api.Nothing, s.remove(ctx, a.UID, func(tx store.Tx) error {
		if err := a.Still(tx); err != nil {
			return err
		}
		_, err := s.auth.RequireSecondStep(tx, a.UID, c)
		return err
	})
}

// resetAccount sets a new password for an account whose old one is forgotten, and
// ends all that the old one opened, the recovery key too.
func (s *Service) resetAccount(r *api.Request) (any, error) {
	c, err := s.auth.Token(r, store.Reset)
	if err != nil {
		return nil, err
	}
	in, err := decodeNew(r)
	if err != nil {
		return nil, err
	}
	listeners := s.notifier.Listeners(r.Context(), c.UID, devices.Every)
	out, err := s.newPassword(r, c, in)
	if err == nil {
		s.cfg.Security.Note(r.Context(), security.RecoveryUsed, security.ByRecoveryKey, r.RemoteAddr, c.UID)
		s.notifier.Tell(r.Context(), listeners, devices.PasswordReset)
	}
	return out, err
}

package accounts

import (
	"context"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/devices"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/security"
)

// credentials are the parameters that set a password. The second three are
// version 2 of the stretching; they come together or not at all, and then
// wrapKb too, as both versions must unwrap the same kB.
type credentials struct {
	AuthPW           string `json:"authPW"`
	WrapKB           string `json:"wrapKb"`
	AuthPWVersion2   string `json:"authPWVersion2"`
	WrapKBVersion2   string `json:"wrapKbVersion2"`
	ClientSalt       string `json:"clientSalt"`
	needsWrapKB      bool
	authPW, wrapKB   []byte
	authPW2, wrapKB2 []byte
}

func (c *credentials) check() (err error) {
	if c.authPW, err = api.Key("authPW", c.AuthPW); err != nil {
		return err
	}
	v2 := c.AuthPWVersion2 != "" || c.ClientSalt != "" || c.WrapKBVersion2 != ""
	if c.needsWrapKB || v2 || c.WrapKB != "" {
		if c.wrapKB, err = api.Key("wrapKb", c.WrapKB); err != nil {
			return err
		}
	}
	if !v2 {
		return nil
	}
	if c.authPW2, err = api.Key("authPWVersion2", c.AuthPWVersion2); err != nil {
		return err
	}
	if c.wrapKB2, err = api.Key("wrapKbVersion2", c.WrapKBVersion2); err != nil {
		return err
	}
	if !onepw.ValidClientSalt(c.ClientSalt) {
		return fault.Invalid("clientSalt")
	}
	return nil
}

// wrapped is a kB as the stretched password wraps it, by versions of the
// stretching: nil where that one is not there, or was not shown.
type wrapped struct{ v1, v2 []byte }

// setPassword fills in what is stored for a checked set of credentials.
func (s *Service) setPassword(ctx context.Context, a *store.Account, c credentials) (kB wrapped, err error) {
	if a.Salt, err = random.Bytes(s.cfg.Rand, 32); err != nil {
		return kB, err
	}
	a.Cost = s.cfg.Cost
	v, err := s.verifier(ctx, a, c.authPW)
	if err != nil {
		return kB, err
	}
	if c.wrapKB == nil {
		// Version 1 leaves it to the server. kB is wrapKB xor a key that only the
		// client has, so the server does not know kB either way.
		if c.wrapKB, err = random.Bytes(s.cfg.Rand, onepw.KeySize); err != nil {
			return kB, err
		}
	}
	a.V1 = store.Password{Hash: v.Hash, WrapWrapKB: v.Wrap(c.wrapKB)}
	a.ClientSalt, a.V2 = c.ClientSalt, store.Password{}
	if c.authPW2 != nil {
		v2, err := s.verifier(ctx, a, c.authPW2)
		if err != nil {
			return kB, err
		}
		a.V2 = store.Password{Hash: v2.Hash, WrapWrapKB: v2.Wrap(c.wrapKB2)}
	}
	return wrapped{c.wrapKB, c.wrapKB2}, nil
}

// changeAnswer is for who begins to change a password.
type changeAnswer struct {
	Verified bool   `json:"verified"`
	Token    string `json:"passwordChangeToken"`
	keyFetchTokens
}

// changeStart begins to change the password: the old one gives the keys, to be
// wrapped anew.
func (s *Service) changeStart(r *api.Request) (any, error) {
	var in struct {
		Email     string `json:"email"`
		OldAuthPW string `json:"oldAuthPW"`
		Version1  string `json:"authPWVersion1"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	a, err := s.checkPassword(r, in.Email, in.OldAuthPW, in.Version1)
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
		keys, err := s.keyFetch(tx, a.Account, a.wrapKB(), nil)
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
	in := credentials{needsWrapKB: true}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if out, done, err := s.upgrade(r, c, in); done || err != nil {
		return out, err
	}
	listeners := s.notifier.Listeners(r.Context(), c.UID, devices.Every)
	out, err := s.newPassword(r, c)
	if err == nil {
		out.keyFetchTokens = out.forChange()
		s.notifier.Tell(r.Context(), listeners, devices.PasswordChanged)
	}
	return out, err
}

// newPassword consumes a token, sets the password that the body has, ends all that
// the old one opened and begins a new session.
func (s *Service) newPassword(r *api.Request, c *auth.Credential) (*signedIn, error) {
	in := credentials{needsWrapKB: true}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	ctx := r.Context()
	a, err := s.auth.Account(ctx, c.UID)
	if err != nil {
		return nil, err
	}
	kB, err := s.setPassword(ctx, a, in)
	if err != nil {
		return nil, err
	}
	// It must grow, whatever the clock does.
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
	a, err := s.authenticate(r)
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
	listeners := s.notifier.Listeners(r.Context(), c.UID, devices.Every)
	out, err := s.newPassword(r, c)
	if err == nil {
		s.cfg.Security.Note(r.Context(), security.RecoveryUsed, security.ByRecoveryKey, r.RemoteAddr, c.UID)
		s.notifier.Tell(r.Context(), listeners, devices.PasswordReset)
	}
	return out, err
}

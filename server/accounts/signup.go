package accounts

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/password"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// create creates an account for the user who signs up, and signs in to it.
func (s *Service) create(r *api.Request) (any, error) {
	var in struct {
		Email      string `json:"email"`
		Invitation string `json:"invitation"`
		password.Credentials
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if err := s.maySignUp(in.Invitation); err != nil {
		return nil, err
	}
	if err := mailaddr.Check(in.Email); err != nil {
		return nil, err
	}
	fresh, err := in.Decode(false)
	if err != nil {
		return nil, err
	}
	if err := s.admitSignUp(r, in.Email, in.Invitation); err != nil {
		return nil, err
	}
	byEmail := s.cfg.SignUp == SignUpEmail
	ctx := r.Context()
	var out *signedIn
	also := func(tx store.Tx, a *store.Account, kB password.Wrapped) (err error) {
		if err := s.useInvitation(tx, in.Invitation, a.UID); err != nil {
			return err
		}
		out, err = s.signIn(tx, r, a, kB, 0, false)
		return err
	}
	made, err := s.register(ctx, in.Email, mailaddr.Key(in.Email), fresh, !byEmail, also)
	if byEmail && errors.Is(err, fault.ErrAccountExists) {
		made, err = s.register(ctx, in.Email, mailaddr.DecoyKey(in.Email), fresh, false, also)
	}
	if err != nil || made.Confirmed {
		return out, err
	}
	return out, s.sendCode(ctx, made)
}

// sendCode sends a new account's code, or removes the account: nobody could confirm it,
// and the next try starts again.
func (s *Service) sendCode(ctx context.Context, made *store.Account) error {
	err := s.confirmation.Send(ctx, made)
	if err == nil {
		return nil
	}
	if failed := s.remove(context.WithoutCancel(ctx), made.UID, nil); failed != nil {
		return failed
	}
	return err
}

// admitSignUp counts a sign-up, or refuses it, before anything tells whether there is
// such an account.
func (s *Service) admitSignUp(r *api.Request, email, invitation string) error {
	if err := s.tries.AdmitAddress(r); err != nil {
		return err
	}
	if s.cfg.Full() {
		return fault.Full()
	}
	if s.cfg.SignUp == SignUpEmail {
		if err := s.tries.AdmitMail(r, email); err != nil {
			return err
		}
	}
	return s.checkInvitation(r, invitation)
}

// register makes an account under a key, and runs also in the transaction that
// does. It takes the place of one that is not confirmed.
func (s *Service) register(ctx context.Context, email, key string, n password.New, confirmed bool,
	also func(tx store.Tx, a *store.Account, kB password.Wrapped) error) (*store.Account, error) {
	old, err := s.passwords.AccountByKey(ctx, key)
	if err != nil {
		return nil, err
	}
	var oldUID string
	if old != nil {
		if old.Confirmed || s.passwords.Enabled(ctx, old.UID) != nil { // signing up again must not lift a lock
			return nil, fault.ErrAccountExists
		}
		oldUID = old.UID
	}
	now := s.cfg.Now().UnixMilli()
	a := &store.Account{Email: email, Key: key, Generation: now, KeysChangedAt: now, CreatedAt: now, ProfileAt: now, Confirmed: confirmed}
	if a.UID, err = random.Hex(s.cfg.Rand, 16); err != nil {
		return nil, err
	}
	if a.KA, err = random.Bytes(s.cfg.Rand, onepw.KeySize); err != nil {
		return nil, err
	}
	kB, err := s.passwords.Set(ctx, a, n)
	if err != nil {
		return nil, err
	}
	return a, s.db.Update(ctx, oldUID, func(tx store.Tx) error {
		if err := tx.RemoveUnconfirmed(oldUID); err != nil {
			return err
		}
		added, err := tx.AddAccount(a)
		if err == nil && !added {
			err = fault.ErrAccountExists
		}
		if err != nil {
			return err
		}
		return also(tx, a, kB)
	})
}

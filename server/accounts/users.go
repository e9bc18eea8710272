package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/devices"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/password"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/security"
)

// This file has what an operator does to accounts. It needs no password and consumes no tries.

// ErrNoUser means that the account does not exist; ErrUserExists that it exists
// already.
var (
	ErrNoUser     = errors.New("user not found")
	ErrUserExists = errors.New("the user exists already")
)

// User is an account as its operator sees it.
type User struct {
	UID     string
	Email   string
	Created time.Time
	// Seen is when one of its sessions was last used, accurate to about ten minutes. It is the
	// zero time if the account has no session.
	Seen time.Time
	// Devices is the number of its devices.
	Devices int
	// Unconfirmed says that it waits for the code that was sent to its address.
	Unconfirmed bool
}

// Any reports whether there is an account.
func (s *Service) Any(ctx context.Context) (bool, error) {
	found, err := s.db.Read(ctx).AnyAccount()
	if err != nil {
		return false, fmt.Errorf("look for an account: %w", err)
	}
	return found, nil
}

// Users lists all accounts by their address.
func (s *Service) Users(ctx context.Context) ([]User, error) {
	kept, err := s.db.Read(ctx).Users()
	if err != nil {
		return nil, fmt.Errorf("list the users: %w", err)
	}
	var all []User
	for _, u := range kept {
		all = append(all, userOf(u))
	}
	return all, nil
}

// User finds an account by its address or its uid. The error is ErrNoUser if
// there is none.
func (s *Service) User(ctx context.Context, who string) (User, error) {
	u, err := s.db.Read(ctx).User(mailaddr.Key(who))
	if errors.Is(err, store.ErrNotFound) {
		return User{}, ErrNoUser
	}
	if err != nil {
		return User{}, fmt.Errorf("find a user: %w", err)
	}
	return userOf(u), nil
}

func userOf(u store.User) User {
	out := User{UID: u.UID, Email: u.Email, Created: time.UnixMilli(u.CreatedAt), Devices: u.Devices, Unconfirmed: u.Unconfirmed}
	if u.SeenAt > 0 {
		out.Seen = time.UnixMilli(u.SeenAt)
	}
	return out
}

// Credentials are what a client derives from a password to make an account, in hex: the
// password stretched, and the account's key wrapped with it, for both versions of the
// stretching. The names are the wire's.
type Credentials struct {
	AuthPW         string `json:"authPW"`
	WrapKB         string `json:"wrapKb"`
	AuthPWVersion2 string `json:"authPWVersion2"`
	WrapKBVersion2 string `json:"wrapKbVersion2"`
	ClientSalt     string `json:"clientSalt"`
}

// AddUser creates an account regardless of the [SignUp] policy, and replaces one that is not
// confirmed. The error may be [ErrUserExists].
func (s *Service) AddUser(ctx context.Context, email string, c Credentials) (User, error) {
	if err := mailaddr.Check(email); err != nil {
		return User{}, fmt.Errorf("%q is not an e-mail address", email)
	}
	fresh, err := password.Credentials(c).Decode(false)
	if err != nil {
		return User{}, fmt.Errorf("add a user: %w", err)
	}
	_, err = s.register(ctx, email, mailaddr.Key(email), fresh, true, func(store.Tx, *store.Account, password.Wrapped) error { return nil })
	if errors.Is(err, fault.ErrAccountExists) {
		return User{}, ErrUserExists
	}
	if err != nil {
		return User{}, fmt.Errorf("add a user: %w", err)
	}
	return s.User(ctx, email)
}

// RemoveUser deletes an account with all that belongs to it.
func (s *Service) RemoveUser(ctx context.Context, uid string) error {
	err := s.remove(ctx, uid, nil)
	if err != nil {
		return fmt.Errorf("remove a user: %w", err)
	}
	s.cfg.Security.Note(ctx, security.ByOperator, security.UserRemoved, "", uid)
	return nil
}

// remove deletes an account, unless also refuses it in the same transaction, and notifies its
// devices and Config.Destroyed.
func (s *Service) remove(ctx context.Context, uid string, also func(store.Tx) error) error {
	listeners := s.notifier.Listeners(ctx, uid, devices.Every)
	err := s.operate(ctx, uid, func(tx store.Tx) error {
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		return tx.RemoveAccount(uid)
	})
	if err != nil {
		return err
	}
	s.notifier.Tell(ctx, listeners, devices.AccountDestroyed(uid))
	if s.cfg.Destroyed != nil {
		s.cfg.Destroyed(context.WithoutCancel(ctx), uid)
	}
	return nil
}

// SignOut ends all sessions of an account, with the devices and tokens that
// belong to them, and those of the operator's pages.
func (s *Service) SignOut(ctx context.Context, uid string) error {
	err := s.operate(ctx, uid, func(tx store.Tx) error {
		if err := tx.RemoveTokens(uid); err != nil {
			return err
		}
		return tx.RemoveOperatorSessions(uid)
	})
	if err != nil {
		return fmt.Errorf("sign a user out: %w", err)
	}
	return nil
}

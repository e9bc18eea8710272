package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// What an operator does to accounts. It needs no password and spends no tries.

// ErrNoUser means that there is no such account; ErrUserExists that there is one
// already.
var (
	ErrNoUser     = errors.New("there is no such user")
	ErrUserExists = errors.New("there is such a user already")
)

// User is an account as its operator sees it.
type User struct {
	UID     string
	Email   string
	Created time.Time
	// Seen is when one of its sessions was last used, to some ten minutes; the zero
	// time if it has none.
	Seen time.Time
	// Devices is how many devices it has.
	Devices int
	// Unconfirmed says that it waits for the code that was sent to its address.
	Unconfirmed bool
}

const userColumns = `SELECT uid, email, created_at,
	IFNULL((SELECT max(used_at) FROM tokens t WHERE t.uid = a.uid AND kind = 'session'), 0),
	(SELECT count(*) FROM devices d WHERE d.uid = a.uid), NOT confirmed FROM accounts a WHERE email_key NOT LIKE 'decoy %'`

// Any reports whether there is an account.
func (s *Service) Any(ctx context.Context) (found bool, err error) {
	if err := s.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM accounts)`).Scan(&found); err != nil {
		return false, fmt.Errorf("look for an account: %w", sqlite.Explain(err))
	}
	return found, nil
}

// Users lists all accounts by their address.
func (s *Service) Users(ctx context.Context) ([]User, error) {
	return s.users(ctx, userColumns+` ORDER BY email_key`)
}

// User finds an account by its address or its uid. The error is ErrNoUser if
// there is none.
func (s *Service) User(ctx context.Context, who string) (User, error) {
	found, err := s.users(ctx, userColumns+` AND (email_key = ?1 OR uid = ?1)`, emailKey(who))
	if err == nil && len(found) == 0 {
		err = ErrNoUser
	}
	if err != nil {
		return User{}, err
	}
	return found[0], nil
}

func (s *Service) users(ctx context.Context, query string, args ...any) ([]User, error) {
	rows, err := s.db.Read().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list the users: %w", err)
	}
	defer rows.Close()
	var all []User
	for rows.Next() {
		var u User
		var created, seen int64
		if err := rows.Scan(&u.UID, &u.Email, &created, &seen, &u.Devices, &u.Unconfirmed); err != nil {
			return nil, fmt.Errorf("list the users: %w", err)
		}
		u.Created = time.UnixMilli(created)
		if seen > 0 {
			u.Seen = time.UnixMilli(seen)
		}
		all = append(all, u)
	}
	return all, rows.Err()
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

// AddUser makes an account, whatever the policy for strangers is, in the place of
// one that nobody confirmed. The error is,
// among others, ErrUserExists.
func (s *Service) AddUser(ctx context.Context, email string, c Credentials) (User, error) {
	if err := checkEmail(email); err != nil {
		return User{}, fmt.Errorf("%q is no e-mail address", email)
	}
	in := credentials{
		AuthPW: c.AuthPW, WrapKB: c.WrapKB, AuthPWVersion2: c.AuthPWVersion2, WrapKBVersion2: c.WrapKBVersion2, ClientSalt: c.ClientSalt,
	}
	if err := in.check(); err != nil {
		return User{}, fmt.Errorf("add a user: %w", err)
	}
	_, err := s.register(ctx, email, emailKey(email), in, true, func(*sql.Tx, *account, wrapped) error { return nil })
	if errors.Is(err, errAccountExists) {
		return User{}, ErrUserExists
	}
	if err != nil {
		return User{}, fmt.Errorf("add a user: %w", err)
	}
	return s.User(ctx, email)
}

// RemoveUser deletes an account with all that belongs to it.
func (s *Service) RemoveUser(ctx context.Context, uid string) error {
	if err := s.remove(ctx, uid, nil); err != nil {
		return fmt.Errorf("remove a user: %w", err)
	}
	return nil
}

// remove deletes an account, unless also refuses it in the same transaction, and
// tells its devices and whoever else must know.
func (s *Service) remove(ctx context.Context, uid string, also func(*sql.Tx) error) error {
	listeners := s.listeners(ctx, uid, everyDevice)
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM accounts WHERE uid = ?`, uid)
		return err
	})
	if err != nil {
		return err
	}
	s.notify(ctx, listeners, "account_destroyed", map[string]any{"uid": uid}, goodbyeLife)
	if s.cfg.Destroyed != nil {
		s.cfg.Destroyed(context.WithoutCancel(ctx), uid)
	}
	return nil
}

// SignOut ends all sessions of an account, with the devices and tokens that
// belong to them.
func (s *Service) SignOut(ctx context.Context, uid string) error {
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"tokens", "refresh_tokens"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE uid = ?`, uid); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sign a user out: %w", err)
	}
	return nil
}

// enabled refuses an account that its operator disabled. Only who proved
// to be its owner hears of it.
func (s *Service) enabled(ctx context.Context, uid string) error {
	if s.cfg.Disabled == nil {
		return nil
	}
	disabled, err := s.cfg.Disabled(ctx, uid)
	if err == nil && disabled {
		err = errLocked
	}
	return err
}

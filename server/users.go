package server

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/token"
)

// What the server's operator does to its users. A user is named by the account's
// e-mail address or by its uid.

var (
	// ErrNoUser means that nobody has that address or uid.
	ErrNoUser = accounts.ErrNoUser
	// ErrElsewhere means that another server has the accounts.
	ErrElsewhere = errors.New("the accounts are another server's; sign up there")
	// ErrUserExists means that the address has an account already.
	ErrUserExists = accounts.ErrUserExists
)

// User is what an operator sees of a user.
type User struct {
	UID   string `json:"uid"`
	Email string `json:"email,omitempty"`
	// Created is when the account was made.
	Created time.Time `json:"created,omitzero"`
	// Seen is when it was last used, to some ten minutes.
	Seen     time.Time `json:"seen,omitzero"`
	Devices  int       `json:"devices"`
	Disabled bool      `json:"disabled"`
	// Unconfirmed users signed up by e-mail, and wait for the code that was sent.
	Unconfirmed bool `json:"unconfirmed,omitempty"`
	// Bytes is how much the user has stored, Quota how much they may; 0: any
	// amount.
	Bytes int64 `json:"bytes"`
	Quota int64 `json:"quota"`
	// Disk is the size of the user's file, in bytes; Changed is when something in it
	// last did.
	Disk    int64     `json:"disk"`
	Changed time.Time `json:"changed,omitzero"`
	// Storage is the number that names the file; 0: there is none.
	Storage int64 `json:"storage,omitempty"`
	// Damaged says why the file cannot be used. Bytes and Changed are then unknown.
	Damaged string `json:"damaged,omitempty"`
}

// AnyUser reports whether the server has an account.
func (s *Server) AnyUser(ctx context.Context) (bool, error) {
	if s.accounts == nil {
		return false, ErrElsewhere
	}
	return s.accounts.Any(ctx)
}

// Users lists all users by their address; where another server has the accounts,
// those who have storage here, by their uid. A user whose file is damaged is
// listed like the others, with Damaged set.
func (s *Server) Users(ctx context.Context) ([]User, error) {
	stored, err := s.tokens.Users(ctx)
	if err != nil {
		return nil, err
	}
	files := make(map[int64]storage.State)
	err = s.backend.States(ctx, func(st storage.State) error {
		files[st.UID] = st
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list the users: %w", err)
	}
	if s.accounts == nil {
		all := make([]User, 0, len(stored))
		for _, t := range stored {
			u := User{UID: t.Account, Created: t.Created}
			s.addStored(&u, t, files)
			all = append(all, u)
		}
		return all, nil
	}
	known, err := s.accounts.Users(ctx)
	if err != nil {
		return nil, err
	}
	byUID := make(map[string]token.User, len(stored))
	for _, u := range stored {
		byUID[u.Account] = u
	}
	all := make([]User, 0, len(known))
	for _, a := range known {
		u := User{UID: a.UID, Email: a.Email, Created: a.Created, Seen: a.Seen, Devices: a.Devices, Unconfirmed: a.Unconfirmed}
		s.addStored(&u, byUID[a.UID], files)
		all = append(all, u)
	}
	return all, nil
}

func (s *Server) addStored(u *User, t token.User, files map[int64]storage.State) {
	u.Disabled, u.Quota = t.Disabled, s.quota(t.AccountStatus)
	file, ok := files[t.UID]
	if !ok {
		return
	}
	u.Storage, u.Bytes, u.Disk = t.UID, file.Bytes, file.Disk
	if file.Modified > 0 {
		u.Changed = file.Modified.Time()
	}
	if file.Err != nil {
		u.Damaged = file.Err.Error()
	}
}

func (s *Server) quota(st token.AccountStatus) int64 {
	if st.Quota.Valid {
		return st.Quota.V
	}
	return s.defaultQuota.Load()
}

// quotaOf is what the user of a storage may store.
func (s *Server) quotaOf(ctx context.Context, uid int64) (int64, error) {
	st, err := s.tokens.AccountStatusOf(ctx, uid)
	return s.quota(st), err
}

// disabled reports whether nobody may sign in to an account.
func (s *Server) disabled(ctx context.Context, uid string) (bool, error) {
	st, err := s.tokens.AccountStatus(ctx, uid)
	return st.Disabled, err
}

// uid finds the account that an operator named.
func (s *Server) uid(ctx context.Context, who string) (string, error) {
	if s.accounts == nil {
		// Also one who never came: an operator may lock out in advance.
		if !isUID.MatchString(who) {
			return "", fmt.Errorf("%s: %w; users are named by their uid here", who, ErrNoUser)
		}
		return who, nil
	}
	u, err := s.accounts.User(ctx, who)
	if err != nil {
		return "", fmt.Errorf("%s: %w", who, err)
	}
	return u.UID, nil
}

var isUID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// AddUser makes an account, also where sign-up is closed. The credentials come
// from the client, which alone knows the password.
func (s *Server) AddUser(ctx context.Context, email string, c accounts.Credentials) (User, error) {
	if s.accounts == nil {
		return User{}, ErrElsewhere
	}
	a, err := s.accounts.AddUser(ctx, email, c)
	if errors.Is(err, ErrUserExists) {
		return User{}, fmt.Errorf("%s: %w", email, err)
	}
	return User{UID: a.UID, Email: a.Email, Created: a.Created, Quota: s.defaultQuota.Load()}, err
}

// SetDisabled locks a user out at once, on all devices, or lets them in again.
// Their data stays.
func (s *Server) SetDisabled(ctx context.Context, who string, disabled bool) error {
	uid, err := s.uid(ctx, who)
	if err != nil {
		return err
	}
	// First the lock, then the sessions: no sign-in slips in between.
	err = s.tokens.SetAccountStatus(ctx, uid, func(st *token.AccountStatus) { st.Disabled = disabled })
	if err != nil || !disabled || s.accounts == nil {
		return err
	}
	return s.accounts.SignOut(ctx, uid)
}

// SetQuota says how many bytes a user may store, 0 for any number. With nil it
// is the server's quota again.
func (s *Server) SetQuota(ctx context.Context, who string, quota *int64) error {
	uid, err := s.uid(ctx, who)
	if err != nil {
		return err
	}
	return s.tokens.SetAccountStatus(ctx, uid, func(st *token.AccountStatus) {
		st.Quota = sql.Null[int64]{}
		if quota != nil {
			st.Quota = sql.Null[int64]{V: max(0, *quota), Valid: true}
		}
	})
}

// RemoveUser deletes a user's account with the storage, at once: tokens that were
// given end with it. An account of another server stays, but never gets storage here
// again.
func (s *Server) RemoveUser(ctx context.Context, who string) error {
	uid, err := s.uid(ctx, who)
	if err != nil {
		return err
	}
	if s.accounts == nil {
		if err := s.tokens.Retire(ctx, uid); err != nil {
			return err
		}
		return s.deleteStorage(ctx, uid)
	}
	return s.accounts.RemoveUser(ctx, uid)
}

// Invite makes an invitation; see accounts.Service.Invite.
func (s *Server) Invite(ctx context.Context, note string, life time.Duration) (code string, expires time.Time, err error) {
	if s.accounts == nil {
		return "", time.Time{}, ErrElsewhere
	}
	return s.accounts.Invite(ctx, note, life)
}

package server

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/security"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/token"
)

// The methods for the server's operator. A user is named by the account's e-mail address or
// uid.

var (
	// ErrNoUser means that no account has that address or uid.
	ErrNoUser = accounts.ErrNoUser
	// ErrElsewhere means that [Config.External] is set: another server has the accounts.
	ErrElsewhere = errors.New("the accounts are on another server: manage them there")
	// ErrUserExists means that the address already has an account.
	ErrUserExists = accounts.ErrUserExists
)

// User is a user as the operator sees them.
type User struct {
	UID   string `json:"uid"`
	Email string `json:"email,omitempty"`
	// Created is when the account was created.
	Created time.Time `json:"created,omitzero"`
	// Seen is when the account was last used, accurate to about ten minutes.
	Seen     time.Time `json:"seen,omitzero"`
	Devices  int       `json:"devices"`
	Disabled bool      `json:"disabled"`
	// Unconfirmed says that the user signed up by e-mail and has not entered the code that
	// was sent.
	Unconfirmed bool `json:"unconfirmed,omitempty"`
	// Bytes is how much the user has stored, and Quota how much they may store; a Quota of 0
	// means any amount.
	Bytes int64 `json:"bytes"`
	Quota int64 `json:"quota"`
	// Disk is the size of the user's file, in bytes. Changed is when a record in it last
	// changed.
	Disk    int64     `json:"disk"`
	Changed time.Time `json:"changed,omitzero"`
	// Storage is the number of the user's storage, which names its file; 0 means that there
	// is none.
	Storage int64 `json:"storage,omitempty"`
	// Node is the URL of the node that has the storage, or [Self]; "" if there are no nodes, or no storage.
	Node string `json:"node,omitempty"`
	// Away says that the node did not answer: Bytes, Disk, Changed and Damaged are unknown.
	Away bool `json:"away,omitempty"`
	// Damaged says why the file cannot be used; Bytes and Changed are then unknown. "" means
	// that the file is usable.
	Damaged string `json:"damaged,omitempty"`
}

// AnyUser reports whether the server has any account.
func (s *Server) AnyUser(ctx context.Context) (bool, error) {
	if s.accounts == nil {
		return false, ErrElsewhere
	}
	return s.accounts.Any(ctx)
}

// Users lists all users with their e-mail addresses. If another server has the accounts, it
// lists the users who have storage here, with their uids only. A user whose file is damaged
// is listed too, with Damaged set, and so are those on a node that does not answer, with Away set. A storage node knows
// its users by the numbers of their storages only.
func (s *Server) Users(ctx context.Context) ([]User, error) {
	if s.cfg.Node != nil {
		return s.storedHere(ctx)
	}
	stored, err := s.tokens.Users(ctx)
	if err != nil {
		return nil, err
	}
	files, err := s.survey(ctx, stored)
	if err != nil {
		return nil, fmt.Errorf("cannot list the users: %w", err)
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

func (s *Server) addStored(u *User, t token.User, files *surveyed) {
	u.Disabled, u.Quota = t.Disabled, s.quota(t.AccountStatus)
	if t.UID != 0 && files.nodes {
		u.Node = nodeName(t.Node)
	}
	if u.Away = files.away[t.Node]; u.Away {
		u.Storage = t.UID
	} else if file, ok := files.states[token.Storage{UID: t.UID, Node: t.Node}]; ok {
		u.setState(file)
	}
}

func (u *User) setState(file storage.State) {
	u.Storage, u.Bytes, u.Disk = file.UID, file.Bytes, file.Disk
	if file.Modified > 0 {
		u.Changed = file.Modified.Time()
	}
	if file.Err != nil {
		u.Damaged = file.Err.Error()
	}
}

// storedHere lists the storages of a node.
func (s *Server) storedHere(ctx context.Context) (all []User, err error) {
	err = s.backend.States(ctx, func(st storage.State) error {
		u := User{Quota: s.defaultQuota.Load()}
		u.setState(st)
		all = append(all, u)
		return ctx.Err()
	})
	slices.SortFunc(all, func(a, b User) int { return cmp.Compare(a.Storage, b.Storage) })
	return all, err
}

// surveyed is what the storages of users are, on all nodes.
type surveyed struct {
	states map[token.Storage]storage.State
	nodes  bool            // there are nodes
	away   map[string]bool // those that did not answer
}

// listTimeout bounds the wait for the list of a node's storages.
const listTimeout = time.Minute

// survey asks each node that has users for the states of their storages, all at once. What a node says of others is
// left out, so that the answer takes no more memory than there are users.
func (s *Server) survey(ctx context.Context, users []token.User) (*surveyed, error) {
	nodes, err := s.tokens.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	out := &surveyed{states: make(map[token.Storage]storage.State), nodes: len(nodes) > 0, away: make(map[string]bool)}
	wanted := map[string]map[int64]bool{"": {}}
	for _, u := range users {
		if wanted[u.Node] == nil {
			wanted[u.Node] = make(map[int64]bool)
		}
		wanted[u.Node][u.UID] = true
	}
	var mu sync.Mutex
	var asked errgroup.Group
	for url, uids := range wanted {
		asked.Go(func() error {
			there, err := s.storages(url)
			if err != nil {
				return err
			}
			asking, cancel := ctx, func() {}
			if url != "" {
				asking, cancel = context.WithTimeout(ctx, listTimeout)
			}
			defer cancel()
			err = there.States(asking, func(st storage.State) error {
				if uids[st.UID] {
					mu.Lock()
					out.states[token.Storage{UID: st.UID, Node: url}] = st
					mu.Unlock()
				}
				return asking.Err()
			})
			if err == nil || url == "" || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			s.cfg.Log.WarnContext(ctx, "the storages of a node cannot be listed", "node", url, "err", err)
			mu.Lock()
			out.away[url] = true
			mu.Unlock()
			return nil
		})
	}
	return out, asked.Wait()
}

func (s *Server) quota(st token.AccountStatus) int64 {
	if st.Quota.Valid {
		return st.Quota.V
	}
	return s.defaultQuota.Load()
}

// quotaOf returns how many bytes the user of a storage may store; 0 means any amount.
func (s *Server) quotaOf(ctx context.Context, uid int64) (int64, error) {
	if s.cfg.Node != nil {
		return s.quotaInToken(ctx), nil
	}
	if a := admittedTo(ctx, uid); a != nil {
		return s.quota(token.AccountStatus{Quota: a.quota}), nil
	}
	st, err := s.tokens.AccountStatusOf(ctx, uid)
	return s.quota(st), err
}

// disabled reports whether an account is locked out.
func (s *Server) disabled(ctx context.Context, uid string) (bool, error) {
	st, err := s.tokens.AccountStatus(ctx, uid)
	return st.Disabled, err
}

// uid returns the uid of the account that the operator named.
func (s *Server) uid(ctx context.Context, who string) (string, error) {
	if s.cfg.Node != nil {
		return "", ErrIsNode
	}
	if s.accounts == nil {
		// An unknown uid is valid too: an operator may lock out an account before it is used.
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

var isUID = lazyre.New(`^[0-9a-f]{32}$`)

// AddUser creates an account, also if sign-up is closed. The caller derives the credentials
// from the password, which the server never sees.
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

// SetDisabled locks a user out on all devices at once, or lets the user in again. The user's
// data stays.
func (s *Server) SetDisabled(ctx context.Context, who string, disabled bool) error {
	uid, err := s.uid(ctx, who)
	if err != nil {
		return err
	}
	// Disable the account before ending its sessions, so that no sign-in succeeds in between.
	err = s.guarded(ctx, func() error {
		return s.tokens.SetAccountStatus(ctx, uid, func(st *token.AccountStatus) { st.Disabled = disabled })
	})
	if err != nil {
		return err
	}
	why := security.UserEnabled
	if disabled {
		why = security.UserDisabled
	}
	s.security.Note(ctx, security.ByOperator, why, "", uid)
	if !disabled || s.accounts == nil {
		return nil
	}
	return s.accounts.SignOut(ctx, uid)
}

// SignOutUser signs a user out on all devices at once. The user's data stays.
func (s *Server) SignOutUser(ctx context.Context, who string) error {
	if s.accounts == nil {
		return ErrElsewhere
	}
	uid, err := s.uid(ctx, who)
	if err != nil {
		return err
	}
	if err := s.accounts.SignOut(ctx, uid); err != nil {
		return err
	}
	s.security.Note(ctx, security.ByOperator, security.UserSignedOut, "", uid)
	return nil
}

// guarded runs f, which changes something that is not in the accounts' database; see [accounts.Service.Guarded].
func (s *Server) guarded(ctx context.Context, f func() error) error {
	if s.accounts == nil {
		return f()
	}
	return s.accounts.Guarded(ctx, f)
}

// SetQuota sets how many bytes a user may store; 0 means any amount. nil restores the
// server's default quota.
func (s *Server) SetQuota(ctx context.Context, who string, quota *int64) error {
	uid, err := s.uid(ctx, who)
	if err != nil {
		return err
	}
	err = s.guarded(ctx, func() error {
		return s.tokens.SetAccountStatus(ctx, uid, func(st *token.AccountStatus) {
			st.Quota = sql.Null[int64]{}
			if quota != nil {
				st.Quota = sql.Null[int64]{V: max(0, *quota), Valid: true}
			}
		})
	})
	if err == nil {
		s.security.Note(ctx, security.ByOperator, security.QuotaSet, "", uid)
	}
	return err
}

// RemoveUser deletes a user's account and storage at once, and its tokens become invalid. If
// another server has the accounts, the account there stays, but it never gets storage here
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

// Invite creates an invitation; see [accounts.Service.Invite].
func (s *Server) Invite(ctx context.Context, note string, life time.Duration) (code string, expires time.Time, err error) {
	if s.accounts == nil {
		return "", time.Time{}, ErrElsewhere
	}
	return s.accounts.Invite(ctx, note, life)
}

package server

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/syncmanager/syncmanager/server/accounts"
)

// Unlock forgets the wrong passwords and codes that a user's account was given; see
// accounts.Service.Unlock.
func (s *Server) Unlock(ctx context.Context, who string) error {
	if s.accounts == nil {
		return ErrElsewhere
	}
	uid, err := s.uid(ctx, who)
	if err != nil {
		return err
	}
	return s.accounts.Unlock(ctx, uid)
}

// RemoveSecondStep takes a user's second step away; see
// accounts.Service.RemoveSecondStep.
func (s *Server) RemoveSecondStep(ctx context.Context, who string) (told bool, err error) {
	if s.accounts == nil {
		return false, ErrElsewhere
	}
	uid, err := s.uid(ctx, who)
	if err != nil {
		return false, err
	}
	return s.accounts.RemoveSecondStep(ctx, uid)
}

// Invitations lists the invitations; see accounts.Service.Invitations.
func (s *Server) Invitations(ctx context.Context) ([]accounts.Invitation, error) {
	if s.accounts == nil {
		return nil, ErrElsewhere
	}
	return s.accounts.Invitations(ctx)
}

// RevokeInvitation ends an invitation; see accounts.Service.RevokeInvitation.
func (s *Server) RevokeInvitation(ctx context.Context, which string) error {
	if s.accounts == nil {
		return ErrElsewhere
	}
	return s.accounts.RevokeInvitation(ctx, which)
}

// SetDefaultQuota says how many bytes those may store who have no quota of their own,
// 0 for any number, from now on and after a restart. With nil it is Config.Quota again.
func (s *Server) SetDefaultQuota(ctx context.Context, quota *int64) error {
	var q sql.Null[int64]
	if quota != nil {
		q = sql.Null[int64]{V: max(0, *quota), Valid: true}
	}
	if err := s.tokens.SetDefaultQuota(ctx, q); err != nil {
		return err
	}
	s.setDefaultQuota(q)
	return nil
}

func (s *Server) setDefaultQuota(q sql.Null[int64]) {
	bytes := s.cfg.Quota
	if q.Valid {
		bytes = q.V
	}
	s.defaultQuota.Store(bytes)
}

// Compacted is what Compact did.
type Compacted struct {
	// Before and After are the sizes of the file, in bytes.
	Before int64 `json:"before"`
	After  int64 `json:"after"`
}

// Compact gives the disk back what a user's file holds no more. Meanwhile this user's
// devices wait to write.
func (s *Server) Compact(ctx context.Context, who string) (c Compacted, err error) {
	files, err := s.files()
	if err != nil {
		return c, err
	}
	uid, err := s.storageOf(ctx, who)
	if err != nil {
		return c, err
	}
	c.Before, c.After, err = files.Compact(ctx, uid)
	if errors.Is(err, fs.ErrNotExist) {
		return Compacted{}, nil // there is none yet
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", who, err)
	}
	return c, nil
}

// deleteStorage removes the storages of an account that was retired. Its tokens are
// refused already; whatever was under way is removed by the next purge.
func (s *Server) deleteStorage(ctx context.Context, account string) error {
	uids, err := s.tokens.Storages(ctx, account)
	for _, uid := range uids {
		err = errors.Join(err, s.storage.DeleteUser(ctx, uid))
	}
	return err
}

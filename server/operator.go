package server

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/security"
)

// Unlock forgets the wrong passwords and codes that were tried on a user's account; see
// [accounts.Service.Unlock].
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

// RemoveSecondStep removes a user's second step; see [accounts.Service.RemoveSecondStep].
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

// Invitations lists the invitations; see [accounts.Service.Invitations].
func (s *Server) Invitations(ctx context.Context) ([]accounts.Invitation, error) {
	if s.accounts == nil {
		return nil, ErrElsewhere
	}
	return s.accounts.Invitations(ctx)
}

// RevokeInvitation revokes an invitation; see [accounts.Service.RevokeInvitation].
func (s *Server) RevokeInvitation(ctx context.Context, which string) error {
	if s.accounts == nil {
		return ErrElsewhere
	}
	return s.accounts.RevokeInvitation(ctx, which)
}

// SetDefaultQuota sets how many bytes a user without a quota of their own may store, now and
// after a restart; 0 means any amount. nil restores [Config.Quota].
func (s *Server) SetDefaultQuota(ctx context.Context, quota *int64) error {
	var q sql.Null[int64]
	if quota != nil {
		q = sql.Null[int64]{V: max(0, *quota), Valid: true}
	}
	if err := s.guarded(ctx, func() error { return s.tokens.SetDefaultQuota(ctx, q) }); err != nil {
		return err
	}
	s.security.Note(ctx, security.ByOperator, security.DefaultQuotaSet, "", "")
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

// Compacted is the result of [Server.Compact].
type Compacted struct {
	// Before and After are the sizes of the file, in bytes.
	Before int64 `json:"before"`
	After  int64 `json:"after"`
}

// Compact shrinks a user's file to the data in it, on the node where it is. This user's devices cannot write
// meanwhile.
func (s *Server) Compact(ctx context.Context, who string) (c Compacted, err error) {
	one, err := s.storageOf(ctx, who)
	if err != nil {
		return c, err
	}
	there, err := s.storages(one.Node)
	if err != nil {
		return c, err
	}
	c.Before, c.After, err = there.Compact(ctx, one.UID)
	if errors.Is(err, fs.ErrNotExist) {
		return Compacted{}, nil // the user has no file yet
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w", who, err)
	}
	return c, nil
}

// deleteStorage removes the storages of a retired account. Its tokens are refused already;
// the next purge removes what requests in progress still write.
func (s *Server) deleteStorage(ctx context.Context, account string) error {
	all, err := s.tokens.Storages(ctx, account)
	for _, one := range all {
		err = errors.Join(err, s.deleteCopy(ctx, one))
	}
	return err
}

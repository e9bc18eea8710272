package token

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

// DefaultQuota returns the quota, in bytes, that the operator set for accounts without their
// own; 0 means any amount. It is not Valid if the operator set none.
func (s *Service) DefaultQuota(ctx context.Context) (q sql.Null[int64], err error) {
	err = s.db.Read(ctx).QueryRow(sqlDefaultQuota).Scan(&q.V)
	if errors.Is(err, sql.ErrNoRows) {
		return sql.Null[int64]{}, nil
	}
	if err != nil {
		return sql.Null[int64]{}, fmt.Errorf("read the quota: %w", err)
	}
	q.Valid = true
	return q, nil
}

// SetDefaultQuota sets the result of [Service.DefaultQuota]; a q that is not Valid unsets it.
func (s *Service) SetDefaultQuota(ctx context.Context, q sql.Null[int64]) error {
	err := s.db.Update(ctx, func(tx sqldb.Tx) (err error) {
		if q.Valid {
			_, err = tx.Exec(sqlSetDefaultQuota, q.V)
		} else {
			_, err = tx.Exec(sqlUnsetDefaultQuota)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("set the quota: %w", err)
	}
	return nil
}

// Storages lists all storages that an account has or had.
func (s *Service) Storages(ctx context.Context, account string) ([]Storage, error) {
	all, err := storages(s.db.Read(ctx).Query(sqlStorages, account))
	if err != nil {
		return nil, fmt.Errorf("list an account's storages: %w", err)
	}
	return all, nil
}

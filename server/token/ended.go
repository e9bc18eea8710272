package token

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

// NodeTokenLife is how long a token for a storage node is valid.
const NodeTokenLife = unboundDuration

// endedFor is how long it is kept that an account's tokens ended: longer than any for a node is valid.
const endedFor = 2 * NodeTokenLife

// noteEnded notes that tokens of an account end in this transaction.
func noteEnded(tx sqldb.Tx, account string) error {
	_, err := tx.Exec(sqlNoteEnded, account)
	return err
}

// Ended lists the accounts that were disabled or removed, or whose storage was replaced, in the time in which tokens for
// nodes are valid, by when that was listed first.
func (s *Service) Ended(ctx context.Context) (all map[string]time.Time, err error) {
	var fresh bool
	if err := s.db.Read(ctx).QueryRow(sqlAnyEnded).Scan(&fresh); err != nil {
		return nil, fmt.Errorf("list what ended: %w", err)
	}
	now := s.cfg.Now()
	if fresh {
		if err := s.db.UpdateSoon(ctx, func(tx sqldb.Tx) error { return stampEnded(tx, now) }); err != nil {
			return nil, fmt.Errorf("list what ended: %w", err)
		}
	}
	rows, err := s.db.Read(ctx).Query(sqlEnded, now.Add(-endedFor).UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("list what ended: %w", err)
	}
	defer rows.Close()
	all = make(map[string]time.Time)
	for rows.Next() {
		var account string
		var at int64
		if err := rows.Scan(&account, &at); err != nil {
			return nil, fmt.Errorf("list what ended: %w", err)
		}
		all[account] = time.UnixMilli(at)
	}
	return all, rows.Err()
}

func stampEnded(tx sqldb.Tx, now time.Time) error {
	_, err := tx.Exec(sqlStampEnded, now.UnixMilli())
	return err
}

// ForgetEnded forgets what ended so long ago that no token can be valid.
func (s *Service) ForgetEnded(ctx context.Context) error {
	now := s.cfg.Now()
	err := s.db.Update(ctx, func(tx sqldb.Tx) error {
		if _, err := tx.Exec(sqlForgetEnded, now.Add(-endedFor).UnixMilli()); err != nil {
			return err
		}
		return stampEnded(tx, now)
	})
	if err != nil {
		return fmt.Errorf("forget what ended: %w", err)
	}
	return nil
}

// Current returns the storage that tokens of an account are good for; its UID is 0 if there is none.
func (s *Service) Current(ctx context.Context, account string) (one Storage, err error) {
	err = s.db.Read(ctx).QueryRow(sqlCurrent, account).Scan(&one.UID, &one.Node)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Storage{}, fmt.Errorf("find the storage of an account: %w", err)
	}
	return one, nil
}

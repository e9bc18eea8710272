package token

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

// Move is the way of an account's storage to another node, where it gets another uid: what a move that
// was given up left there is in nobody's way.
//
// The caller of [Service.BeginMove] fences the storage From, copies it to To, and calls [Service.Switch]. A move that
// is not to go on is given up by [Service.EndMove], after which From may be written again, and
// forgotten by [Service.ForgetMove]. Whoever finds a move that another process has begun does the same: a
// Switch of it then fails.
type Move struct{ From, To Storage }

// ErrMoveOver means that a storage cannot be moved: it was replaced or removed meanwhile, or its move was given up.
var ErrMoveOver = errors.New("the storage was replaced, or its move was given up")

// OnNode lists up to limit current storages of a node whose uids are greater than after, in the order of their uids.
func (s *Service) OnNode(ctx context.Context, url string, after int64, limit int) ([]int64, error) {
	all, err := storages(s.db.Read(ctx).Query(sqlOnNode, url, after, limit))
	if err != nil {
		return nil, fmt.Errorf("list the users of a node: %w", err)
	}
	uids := make([]int64, len(all))
	for i := range all {
		uids[i] = all[i].UID
	}
	return uids, nil
}

// BeginMove begins a move of a storage to the node with the most room; with away to another than the one where it is. The
// error wraps [ErrMoveOver], or [ErrNoRoom].
func (s *Service) BeginMove(ctx context.Context, uid int64, away bool) (m Move, err error) {
	account, err := s.accountOf(ctx, uid)
	if err != nil {
		return m, err
	}
	// In place of a client state: no client has it.
	mark, err := s.mark()
	if err != nil {
		return m, fmt.Errorf("begin to move a storage: %w", err)
	}
	err = s.update(ctx, account, func(tx sqldb.Tx) error {
		m = Move{From: Storage{UID: uid}}
		err := tx.QueryRow(sqlMovable, uid, account).Scan(&m.From.Node)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrMoveOver
		}
		if err != nil {
			return err
		}
		except := notANode
		if away {
			except = m.From.Node
		}
		if m.To.Node, err = take(tx, except); err != nil {
			return err
		}
		err = tx.QueryRow(sqlAddMoving, account, mark, s.cfg.Now().UnixMilli(), m.To.Node).Scan(&m.To.UID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(sqlAddMove, m.To.UID, m.To.Node, m.From.UID, m.From.Node)
		return err
	})
	if err != nil {
		return Move{}, fmt.Errorf("begin to move a storage: %w", err)
	}
	return m, nil
}

func (s *Service) accountOf(ctx context.Context, uid int64) (account string, err error) {
	err = s.db.Read(ctx).QueryRow(sqlAccountOf, uid).Scan(&account)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrMoveOver
	}
	if err != nil {
		return "", fmt.Errorf("find the account of a storage: %w", err)
	}
	return account, nil
}

// Switch ends a move: the account has the storage To from now on, and tokens for From are refused. [Service.Replaced] lists
// From when the last token for it has expired. The error wraps [ErrMoveOver] if the storage is no longer the account's, or
// the move was given up; then nothing has changed.
func (s *Service) Switch(ctx context.Context, m Move) error {
	account, err := s.accountOf(ctx, m.From.UID)
	if err != nil {
		return err
	}
	err = s.update(ctx, account, func(tx sqldb.Tx) error {
		// The row of the move goes first: whoever gives it up waits for it.
		n, err := tx.Exec(sqlEndedBySwitch, m.To.UID)
		if err == nil && n == 0 {
			err = ErrMoveOver
		}
		if err != nil {
			return err
		}
		var u user
		var created int64
		err = tx.QueryRow(sqlMoving, m.From.UID, account).Scan(&u.clientState, &u.generation, &u.keysChangedAt, &created)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrMoveOver
		}
		if err != nil {
			return err
		}
		mark := fmt.Appendf(nil, "moved to %d", m.To.UID)
		if _, err := tx.Exec(sqlMovedFrom, m.From.UID, mark, s.cfg.Now().UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.Exec(sqlMovedTo, m.To.UID, u.clientState, u.generation, u.keysChangedAt, created); err != nil {
			return err
		}
		_, err = tx.Exec(sqlLeave, m.From.Node)
		return err
	})
	if err != nil {
		return fmt.Errorf("move a storage: %w", err)
	}
	return nil
}

// ErrLocked means that another process moves storages.
var ErrLocked = errors.New("another server on the same database moves storages")

// LockMoves keeps all other processes from moving storages, until the caller calls unlock or its process ends. The
// error is [ErrLocked] if another one does.
func (s *Service) LockMoves(ctx context.Context) (unlock func(), err error) {
	unlock, err = s.db.TryLock(ctx, "moves")
	if err == nil && unlock == nil {
		err = ErrLocked
	}
	return unlock, err
}

// EndMove gives a move up: from now on [Service.Switch] fails for it. ended is false if there is no such
// move any more: it was switched.
func (s *Service) EndMove(ctx context.Context, m Move) (ended bool, err error) {
	err = s.db.Update(ctx, func(tx sqldb.Tx) error {
		n, err := tx.Exec(sqlEndMove, m.To.UID)
		ended = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("give up the move of a storage: %w", err)
	}
	return ended, nil
}

// ForgetMove forgets a move that was given up. [Service.Replaced] lists the storage that it was to lead to.
func (s *Service) ForgetMove(ctx context.Context, m Move) error {
	err := s.db.Update(ctx, func(tx sqldb.Tx) error {
		n, err := tx.Exec(sqlForgetMove, m.To.UID)
		if err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(sqlLeave, m.To.Node)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget the move of a storage: %w", err)
	}
	return nil
}

// Moves lists the moves that have begun and were not ended by a switch.
func (s *Service) Moves(ctx context.Context) (all []Move, err error) {
	rows, err := s.db.Read(ctx).Query(sqlMoves)
	if err != nil {
		return nil, fmt.Errorf("list the moves: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var m Move
		if err := rows.Scan(&m.From.UID, &m.From.Node, &m.To.UID, &m.To.Node); err != nil {
			return nil, fmt.Errorf("list the moves: %w", err)
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

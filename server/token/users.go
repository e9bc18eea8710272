package token

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// claim is what a request says of its account.
type claim struct {
	account       string
	bound         string
	clientState   []byte
	generation    int64 // 0: not told
	keysChangedAt int64 // 0: not told
}

type user struct {
	uid           int64
	clientState   []byte
	generation    int64
	keysChangedAt int64
}

// assign finds the storage uid for a claim, or a new one, or refuses it. Most
// requests change nothing, so they do not wait for the writer.
func (s *Service) assign(ctx context.Context, c claim) (user, error) {
	var u user
	var changed bool
	err := s.db.View(ctx, func(tx *sql.Tx) (err error) {
		u, changed, err = s.decide(ctx, tx, c)
		return err
	})
	if err != nil || !changed {
		return u, err
	}
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if u, changed, err = s.decide(ctx, tx, c); err != nil || !changed {
			return err
		}
		u, err = s.store(ctx, tx, c.account, u)
		return err
	})
	return u, err
}

// decide says what the account's row shall be; uid is 0 when it shall be a new
// one.
func (s *Service) decide(ctx context.Context, tx *sql.Tx, c claim) (_ user, changed bool, err error) {
	var closed bool
	err = tx.QueryRowContext(ctx, sqlClosed, c.account).Scan(&closed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return user{}, false, err
	}
	if closed {
		return user{}, false, errCredentials
	}
	now, old, err := s.find(ctx, tx, c)
	if err != nil {
		return user{}, false, err
	}
	if now == nil {
		if old { // the account was retired
			return user{}, false, errCredentials
		}
		if s.cfg.NoNewUsers {
			return user{}, false, errNewUsers
		}
		// As check has it of those who are known, so that asking twice is answered twice
		// the same.
		if c.generation != 0 && c.generation < c.keysChangedAt {
			return user{}, false, errKeysChangedAt
		}
		return user{clientState: c.clientState, generation: max(c.generation, c.keysChangedAt), keysChangedAt: c.keysChangedAt}, true, nil
	}
	if err := check(*now, c, old); err != nil {
		return user{}, false, err
	}
	next := *now
	next.keysChangedAt = max(now.keysChangedAt, c.keysChangedAt)
	next.generation = max(now.generation, c.generation)
	if c.generation == 0 {
		next.generation = max(next.generation, next.keysChangedAt)
	}
	if !bytes.Equal(now.clientState, c.clientState) {
		next.uid, next.clientState = 0, c.clientState
	}
	return next, next.uid != now.uid || next.generation != now.generation || next.keysChangedAt != now.keysChangedAt, nil
}

// find reads the account's current row, or nil; old says that the claim's
// client state is one that was replaced, or, without a current row, that there
// ever was one.
func (s *Service) find(ctx context.Context, tx *sql.Tx, c claim) (now *user, old bool, err error) {
	rows, err := tx.QueryContext(ctx,
		sqlKeys, c.account)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	var any bool
	for rows.Next() {
		var u user
		var current bool
		if err := rows.Scan(&u.uid, &u.clientState, &u.generation, &u.keysChangedAt, &current); err != nil {
			return nil, false, err
		}
		any = true
		if current {
			now = &u
		} else if bytes.Equal(u.clientState, c.clientState) {
			old = true
		}
	}
	if now == nil {
		old = any
	}
	return now, old, rows.Err()
}

// check refuses a claim that contradicts what is known. Generation grows with
// each change of the account's credentials, keysChangedAt with each change of
// its keys, which is such a change too; a client state never comes back.
func check(now user, c claim, old bool) error {
	switch newState := !bytes.Equal(now.clientState, c.clientState); {
	case c.generation != 0 && c.keysChangedAt > now.keysChangedAt && c.generation < c.keysChangedAt:
		return errKeysChangedAt
	case len(c.clientState) == 0:
		return errClientState("empty string")
	case old:
		return errClientState("stale value")
	case newState && c.generation != 0 && c.generation <= now.generation:
		return errClientState("new value with no generation change")
	case newState && c.keysChangedAt != 0 && c.keysChangedAt <= now.keysChangedAt:
		return errClientState("new value with no keys_changed_at change")
	case c.generation != 0 && c.generation < now.generation:
		return errGeneration
	case c.keysChangedAt < now.keysChangedAt:
		return errKeysChangedAt
	}
	return nil
}

func (s *Service) store(ctx context.Context, tx *sql.Tx, account string, u user) (user, error) {
	if u.uid != 0 {
		_, err := tx.ExecContext(ctx, sqlSetGeneration,
			u.generation, u.keysChangedAt, u.uid)
		return u, err
	}
	ms := s.cfg.Now().UnixMilli()
	if _, err := tx.ExecContext(ctx,
		sqlReplace, ms, account); err != nil {
		return user{}, err
	}
	err := tx.QueryRowContext(ctx,
		sqlAdd,
		account, u.clientState, u.generation, u.keysChangedAt, ms).Scan(&u.uid)
	return u, err
}

// Retire closes the account's storage for ever: it gets no token any more, and
// those that it has are no good.
func (s *Service) Retire(ctx context.Context, account string) error {
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		// Also of an account that never came: a request of it may be under way.
		if _, err := tx.ExecContext(ctx, sqlRetire, account); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, sqlReplace,
			s.cfg.Now().UnixMilli(), account)
		return err
	})
	if err != nil {
		return fmt.Errorf("retire an account's storage: %w", err)
	}
	return nil
}

// ErrNoStorage means that nobody has a storage with that uid now.
var ErrNoStorage = errors.New("there is no such storage")

// Reassign gives the account that has the storage with the uid another one, which
// is empty, and returns the account and the new uid. The account's devices see
// that their storage is another one, and fill it: tokens for the old one are
// refused from now on.
func (s *Service) Reassign(ctx context.Context, uid int64) (account string, fresh int64, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var u user
		var created int64
		err := tx.QueryRowContext(ctx, sqlGiveUp, uid).
			Scan(&account, &u.clientState, &u.generation, &u.keysChangedAt, &created)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNoStorage
		}
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx,
			sqlAdd,
			account, u.clientState, u.generation, u.keysChangedAt, created).Scan(&fresh)
	})
	if err != nil {
		return "", 0, fmt.Errorf("give an account another storage: %w", err)
	}
	return account, fresh, nil
}

// Replaced lists the storage uids that no token can be had for any more, and
// whose last token has expired: their storage may be deleted.
func (s *Service) Replaced(ctx context.Context) ([]int64, error) {
	before := s.cfg.Now().Add(-s.cfg.Duration).UnixMilli()
	rows, err := s.db.Query(ctx, sqlReplaced, before)
	if err != nil {
		return nil, fmt.Errorf("list replaced storage: %w", err)
	}
	defer rows.Close()
	var uids []int64
	for rows.Next() {
		var uid int64
		if err := rows.Scan(&uid); err != nil {
			return nil, fmt.Errorf("list replaced storage: %w", err)
		}
		uids = append(uids, uid)
	}
	return uids, rows.Err()
}

// Emptied notes that the storage of a replaced uid was deleted. The uid stays: its
// client state must not come back.
func (s *Service) Emptied(ctx context.Context, uid int64) error {
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, sqlEmptied, uid)
		return err
	})
	if err != nil {
		return fmt.Errorf("note that a storage was deleted: %w", err)
	}
	return nil
}

func asRefusal(err error) (*refusal, bool) {
	return errors.AsType[*refusal](err)
}

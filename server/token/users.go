package token

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

// claim is what a request states about its account.
type claim struct {
	account       string
	bound         string
	clientState   []byte
	generation    int64 // 0: unknown
	keysChangedAt int64 // 0: unknown
}

type user struct {
	uid           int64
	clientState   []byte
	generation    int64
	keysChangedAt int64
	// node has the storage; placed says that it was chosen before.
	node   string
	placed bool
}

// errReadOnly is the error of a claim that changes something while nothing may be written.
var errReadOnly = errors.New("the server takes no writes for now")

// assign returns the storage for a claim, creates one if needed, or refuses the claim. Most
// requests change nothing, so they do not wait for the writer.
func (s *Service) assign(ctx context.Context, c claim) (user, error) {
	var u user
	var changed bool
	err := s.db.View(ctx, func(tx sqldb.Tx) (err error) {
		u, changed, err = s.decide(tx, c)
		return err
	})
	if err != nil || !changed {
		return u, err
	}
	if s.cfg.ReadOnly != nil && s.cfg.ReadOnly() {
		return u, errReadOnly
	}
	err = s.update(ctx, c.account, func(tx sqldb.Tx) error {
		if u, changed, err = s.decide(tx, c); err != nil || !changed {
			return err
		}
		u, err = s.store(tx, c.account, u)
		return err
	})
	return u, err
}

// update runs f in a transaction of the only one who changes what belongs to an account. f may be
// run again; see [sqldb.DB].
func (s *Service) update(ctx context.Context, account string, f func(sqldb.Tx) error) error {
	return s.db.Update(ctx, func(tx sqldb.Tx) error {
		if _, err := tx.Exec(sqlOne, account); err != nil {
			return err
		}
		return f(tx)
	})
}

// decide returns what the account's row is to be; its uid is 0 if it is a new row.
func (s *Service) decide(tx sqldb.Tx, c claim) (_ user, changed bool, err error) {
	var closed bool
	err = tx.QueryRow(sqlClosed, c.account).Scan(&closed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return user{}, false, err
	}
	if closed {
		return user{}, false, errCredentials
	}
	now, old, err := s.find(tx, c)
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
		// The same rule as in check, so that a repeated request gets the same answer.
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

// find returns the account's current row, or nil. old says that the claim's client state was
// replaced before. If there is no current row, old says that the account ever had one.
func (s *Service) find(tx sqldb.Tx, c claim) (now *user, old bool, err error) {
	rows, err := tx.Query(sqlKeys, c.account)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	var any bool
	for rows.Next() {
		var u user
		var current bool
		if err := rows.Scan(&u.uid, &u.clientState, &u.generation, &u.keysChangedAt, &u.node, &current); err != nil {
			return nil, false, err
		}
		any, u.placed = true, true
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

// check refuses a claim that contradicts the current row. generation grows with each change
// of the account's credentials. keysChangedAt grows with each change of its keys, which also
// changes generation. An old client state never becomes current again.
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

func (s *Service) store(tx sqldb.Tx, account string, u user) (user, error) {
	if u.uid != 0 {
		_, err := tx.Exec(sqlSetGeneration,
			u.generation, u.keysChangedAt, u.uid)
		return u, err
	}
	ms := s.cfg.Now().UnixMilli()
	if _, err := tx.Exec(sqlReplace, ms, account); err != nil {
		return user{}, err
	}
	if u.placed {
		if err := noteEnded(tx, account); err != nil {
			return user{}, err
		}
	}
	node, err := place(tx, u)
	if err != nil {
		return user{}, err
	}
	u.node = node
	u.uid, err = add(tx, account, u, ms)
	return u, err
}

// add adds the row of a storage, which is created at the time ms.
func add(tx sqldb.Tx, account string, u user, ms int64) (uid int64, err error) {
	err = tx.QueryRow(sqlAdd, account, u.clientState, u.generation, u.keysChangedAt, ms).Scan(&uid)
	if err == nil && u.node != "" {
		_, err = tx.Exec(sqlSetNode, uid, u.node)
	}
	return uid, err
}

// Retire closes an account's storage permanently: the account gets no more tokens, and its
// existing ones are refused.
func (s *Service) Retire(ctx context.Context, account string) error {
	err := s.update(ctx, account, func(tx sqldb.Tx) error {
		// Also for an unknown account: its first request may be in progress.
		if _, err := tx.Exec(sqlRetire, account); err != nil {
			return err
		}
		if _, err := tx.Exec(sqlLeaveAll, account); err != nil {
			return err
		}
		if err := noteEnded(tx, account); err != nil {
			return err
		}
		_, err := tx.Exec(sqlReplace,
			s.cfg.Now().UnixMilli(), account)
		return err
	})
	if err != nil {
		return fmt.Errorf("retire an account's storage: %w", err)
	}
	return nil
}

// ErrNoStorage means that no account currently has a storage with that uid.
var ErrNoStorage = errors.New("there is no such storage")

// Reassign replaces the storage with a uid by a new, empty one, and returns the account and
// the new uid. Tokens for the old storage are refused from then on. The account's devices
// notice the new storage and upload their data again.
func (s *Service) Reassign(ctx context.Context, uid int64) (account string, fresh int64, err error) {
	err = s.db.Read(ctx).QueryRow(sqlAccountOf, uid).Scan(&account)
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, ErrNoStorage
	}
	if err != nil {
		return "", 0, fmt.Errorf("find the account of a storage: %w", err)
	}
	err = s.update(ctx, account, func(tx sqldb.Tx) error {
		var u user
		var created int64
		err := tx.QueryRow(sqlGiveUp, uid).
			Scan(&account, &u.clientState, &u.generation, &u.keysChangedAt, &created, &u.node)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNoStorage
		}
		if err != nil {
			return err
		}
		if fresh, err = add(tx, account, u, created); err != nil {
			return err
		}
		return noteEnded(tx, account)
	})
	if err != nil {
		return "", 0, fmt.Errorf("give an account another storage: %w", err)
	}
	return account, fresh, nil
}

// Replaced lists the replaced storages whose last token has expired, so that they may
// be deleted. It omits those that [Service.Emptied] was called for.
func (s *Service) Replaced(ctx context.Context) ([]Storage, error) {
	before := s.cfg.Now().Add(-s.cfg.Duration).UnixMilli()
	all, err := storages(s.db.Read(ctx).Query(sqlReplaced, before))
	if err != nil {
		return nil, fmt.Errorf("list replaced storage: %w", err)
	}
	return all, nil
}

// Emptied records that a replaced storage was deleted. Its row stays, because its client
// state must never become current again.
func (s *Service) Emptied(ctx context.Context, uid int64) error {
	err := s.db.Update(ctx, func(tx sqldb.Tx) error {
		_, err := tx.Exec(sqlEmptied, uid)
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

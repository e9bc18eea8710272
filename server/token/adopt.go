package token

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

// Key is a key of an account, as a token server knows it.
type Key struct {
	ClientState []byte
	// Generation and KeysChangedAt are the accounts server's times; 0: unknown.
	Generation, KeysChangedAt int64
	// Created is when the key was first seen, in milliseconds since 1970.
	Created int64
}

// Same reports whether two keys have the same client state.
func (k Key) Same(o Key) bool { return bytes.Equal(k.ClientState, o.ClientState) }

// Adoption is an account of another token server. Its former keys stay refused here.
type Adoption struct {
	Account string
	Current Key
	Old     []Key
}

// Errors of adoptions.
var (
	// ErrRetired means that the account was removed here, for ever.
	ErrRetired = errors.New("the account was removed here")
	// ErrNewerKey means that the account has a key here that the other server does not know, or that
	// its current key there was replaced here.
	ErrNewerKey = errors.New("the account has a newer key here")
	// ErrMoved means that the account's storage here has changed meanwhile.
	ErrMoved = errors.New("the account's storage was replaced meanwhile")
)

// Standing is what an account that is to be adopted has here.
type Standing struct {
	// UID is its storage; 0: it has none. Node is where that is.
	UID  int64
	Node string
	// Same says that the storage is that of the adoption's current key, not of a former one.
	Same bool
}

// Standing returns what an account has here, or one of the errors of adoptions.
func (s *Service) Standing(ctx context.Context, a Adoption) (is Standing, err error) {
	err = s.db.View(ctx, func(tx sqldb.Tx) (err error) {
		is, _, err = standing(tx, a)
		return err
	})
	return is, err
}

// standing also returns the current row.
func standing(tx sqldb.Tx, a Adoption) (is Standing, now user, err error) {
	var retired bool
	if err := tx.QueryRow(sqlRetired, a.Account).Scan(&retired); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return is, now, err
	}
	if retired {
		return is, now, ErrRetired
	}
	rows, err := tx.Query(sqlKeys, a.Account)
	if err != nil {
		return is, now, err
	}
	defer rows.Close()
	known := func(u user) bool {
		return slices.ContainsFunc(a.Old, func(k Key) bool { return bytes.Equal(k.ClientState, u.clientState) })
	}
	older := false
	for rows.Next() {
		var u user
		var current bool
		if err := rows.Scan(&u.uid, &u.clientState, &u.generation, &u.keysChangedAt, &u.node, &current); err != nil {
			return is, now, err
		}
		same := bytes.Equal(u.clientState, a.Current.ClientState)
		if current {
			now, is = u, Standing{UID: u.uid, Node: u.node, Same: same}
		}
		older = older || same != current && (same || current && !known(u))
	}
	switch {
	case rows.Err() != nil:
		return is, now, rows.Err()
	case older:
		return is, now, ErrNewerKey
	}
	return is, now, nil
}

// reservation is how long a reserved storage is kept that was not adopted.
const reservation = 24 * time.Hour

// reserved begins the name under which an account's reserved storages are. It is not the name of an account.
const reserved = "reserved for "

// Reserve makes an empty storage on a node that no client can reach. [Service.Adopt] gives it to the account,
// and [Service.GiveBack] forgets it. If neither follows within a day, [Service.Replaced] lists it.
func (s *Service) Reserve(ctx context.Context, account, node string) (uid int64, err error) {
	mark, err := s.mark()
	if err != nil {
		return 0, err
	}
	err = s.db.Update(ctx, func(tx sqldb.Tx) error {
		return tx.QueryRow(sqlReserve, reserved+account, mark, s.cfg.Now().Add(reservation).UnixMilli(), node).Scan(&uid)
	})
	if err != nil {
		return 0, fmt.Errorf("reserve a storage: %w", err)
	}
	return uid, nil
}

// GiveBack forgets a storage that was reserved for an account, and that has nothing any more.
func (s *Service) GiveBack(ctx context.Context, account string, uid int64) error {
	err := s.db.Update(ctx, func(tx sqldb.Tx) error {
		_, err := tx.Exec(sqlGiveBack, uid, reserved+account)
		return err
	})
	if err != nil {
		return fmt.Errorf("give a reserved storage back: %w", err)
	}
	return nil
}

// Place returns the node on which a new storage of an account belongs, as a sign-in would choose it: the one that the account is
// on, unless that is being drained, or the one with the most room. It is "" if there are no nodes. The error wraps [ErrNoRoom].
// [Service.Adopt] counts the user there.
func (s *Service) Place(ctx context.Context, account string) (url string, err error) {
	err = s.db.View(ctx, func(tx sqldb.Tx) error {
		url = ""
		var nodes, stays bool
		if err := tx.QueryRow(sqlAnyNode).Scan(&nodes); err != nil || !nodes {
			return err
		}
		err := tx.QueryRow(sqlPlaced, account).Scan(&url)
		if err == nil {
			err = tx.QueryRow(sqlNodeStays, url).Scan(&stays)
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) || stays {
			return err
		}
		if err = tx.QueryRow(sqlRoom).Scan(&url); errors.Is(err, sql.ErrNoRows) {
			err = ErrNoRoom
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("choose a node: %w", err)
	}
	return url, nil
}

// mark returns a random text in place of a client state.
func (s *Service) mark() ([]byte, error) {
	mark := make([]byte, 16)
	_, err := io.ReadFull(s.cfg.Rand, mark)
	return []byte(hex.EncodeToString(mark)), err
}

// Adopt gives an account the storage uid, which is reserved or the one that it has, in place of the
// storage was, if that is still the one that it has (0: none). The account's keys are then those of a. Tokens for
// a storage that is replaced are refused, and [Service.Replaced] lists it.
func (s *Service) Adopt(ctx context.Context, a Adoption, was, uid int64) error {
	mark, err := s.mark()
	if err != nil {
		return err
	}
	err = s.update(ctx, a.Account, func(tx sqldb.Tx) error {
		is, now, err := standing(tx, a)
		if err != nil {
			return err
		}
		if is.UID != was {
			return ErrMoved
		}
		key := a.Current
		key.Generation, key.KeysChangedAt = max(key.Generation, now.generation), max(key.KeysChangedAt, now.keysChangedAt)
		if err := s.settle(tx, a.Account, key, is, uid, mark); err != nil {
			return err
		}
		if is.UID != uid {
			if err := changeNode(tx, a.Account, is, now.node, uid); err != nil {
				return err
			}
		}
		for _, k := range a.Old {
			if _, err := tx.Exec(sqlAddOld, a.Account, k.ClientState, k.Generation, k.KeysChangedAt, k.Created, s.cfg.Now().UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("adopt an account: %w", err)
	}
	return nil
}

// changeNode counts an account whose storage is uid from now on at the node of that, and no longer at that of the storage
// before.
func changeNode(tx sqldb.Tx, account string, was Standing, from string, uid int64) error {
	if was.UID != 0 {
		if _, err := tx.Exec(sqlLeave, from); err != nil {
			return err
		}
		if err := noteEnded(tx, account); err != nil {
			return err
		}
	}
	var nodes bool
	if err := tx.QueryRow(sqlAnyNode).Scan(&nodes); err != nil || !nodes {
		return err
	}
	var to string
	if err := tx.QueryRow(sqlNodeOf, uid).Scan(&to); err != nil {
		return err
	}
	n, err := tx.Exec(sqlJoin, to)
	if err == nil && n == 0 {
		err = ErrNoRoom
	}
	return err
}

// settle makes uid the account's storage, for the key k.
func (s *Service) settle(tx sqldb.Tx, account string, k Key, is Standing, uid int64, mark []byte) (err error) {
	ms := s.cfg.Now().UnixMilli()
	switch {
	case is.UID == uid && is.Same:
		_, err = tx.Exec(sqlSetGeneration, k.Generation, k.KeysChangedAt, uid)
		return err
	case is.Same: // one key has one row
		_, err = tx.Exec(sqlGiveWay, reserved+account, mark, ms, is.UID)
	case is.UID != 0:
		_, err = tx.Exec(sqlReplace, ms, account)
	}
	if err != nil {
		return err
	}
	n, err := tx.Exec(sqlSettle, account, k.ClientState, k.Generation, k.KeysChangedAt, k.Created, uid, reserved+account)
	if err == nil && n != 1 {
		err = ErrMoved
	}
	return err
}
